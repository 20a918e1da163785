"""What a poller remembers from one poll to the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from exporter.api.client import REFUSED
from exporter.collectors.allocation import Allocation
from exporter.collectors.base import Summary
from exporter.status import PollRecord

KEPT_POLLS = 20


@dataclass(slots=True)
class PollState:
    """The latest polls of one collector; a reload hands it to the poller that replaces this one.

    `read_at` is when the published data were last known to be current, `not_before` when the API may be called again,
    both in monotonic seconds. `published` is the summary of what the last successful poll published;
    `rows_rejected` is the number of rows that it lacks, and `allocation` gave its parts their labels. `reported` holds
    the causes of failure that were logged since the last success, `failed_parts` the parts of the data that the last
    successful poll could not read, and why. `unusable` holds the reasons and fields of rows that it could not use.
    """

    memory: object = None
    published: Summary = field(default_factory=Summary)
    allocation: Allocation | None = None
    read_at: float = float("-inf")
    not_before: float = float("-inf")
    last_success: datetime | None = None
    rows_rejected: int = 0
    records: deque[PollRecord] = field(default_factory=lambda: deque(maxlen=KEPT_POLLS))
    reported: set[str] = field(default_factory=set)
    failed_parts: dict[str, str] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)

    @property
    def attempted(self) -> bool:
        """Whether a poll has ended, successfully or not."""
        return bool(self.records)

    @property
    def succeeded(self) -> bool:
        """Whether the last poll succeeded; False before the first."""
        return bool(self.records) and self.records[-1].outcome != "failed"

    @property
    def refused(self) -> bool:
        """Whether the API rejected the key in the last poll."""
        return bool(self.records) and self.records[-1].status in REFUSED
