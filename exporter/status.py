"""How collecting goes, as plain data: what the landing page and `/-/status` show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Outcome = Literal["changed", "unchanged", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """One finished poll. `error` is set if and only if the outcome is `failed`; `duration` is in seconds.

    `status` is that of the API's answer, if it was one that failed the poll; `reason` a word for what is no failed
    request.
    """

    started: datetime
    duration: float
    outcome: Outcome
    error: str | None = None
    status: int | None = None
    status_class: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """One collector of one account.

    `polls` are the latest ones, newest last. `last_success` None is never. `expires` is when the published values
    vanish, None if nothing is published or they never do. `day` is the day that the gauges describe. `spend` holds
    USD per day (credits and own-key spend together), oldest first; `figures` further amounts in USD, by what they
    are. `interval` is in seconds. `advice` says what to do about the account's key, if anything.
    """

    account: str
    collector: str
    interval: float
    polls: tuple[PollRecord, ...] = ()
    polling: bool = False
    last_success: datetime | None = None
    next_poll: datetime | None = None
    expires: datetime | None = None
    series: int = 0
    day: date | None = None
    spend: tuple[tuple[date, float], ...] = ()
    figures: tuple[tuple[str, float], ...] = ()
    advice: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether the last poll succeeded; False before the first."""
        return bool(self.polls) and self.polls[-1].outcome != "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon as a whole, at `now`."""

    version: str
    now: datetime
    started: datetime
    ready: bool
    collectors: tuple[CollectorStatus, ...]
