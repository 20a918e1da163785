"""The state of collecting as plain data: what the landing page and `/-/status` show.

`/-/status` is made from these classes, so their fields are its keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

Outcome = Literal["changed", "unchanged", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """One finished poll. `error` is set if and only if the outcome is `failed`.

    `status` and `status_class` are those of the attempt that failed the poll; `reason` is set instead if it failed
    without a failed attempt.
    """

    started: datetime
    duration_seconds: float
    outcome: Outcome
    error: str | None = None
    status: int | None = None
    status_class: str | None = None
    reason: str | None = None


class DailySpend(NamedTuple):
    """Spend of one UTC day, own-key spend included."""

    day: date
    usd: float


class Figure(NamedTuple):
    """An amount to show to people, such as the credit left."""

    name: str
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """One collector of one account.

    `polls` are the latest ones, newest last; `spend` is oldest first. `last_success` None is never. `expires` is when
    the published values vanish, None if nothing is published or they never do. `day` is the day that the gauges
    describe. `advice` says how to correct the account's key, if that is necessary.
    """

    account: str
    collector: str
    interval_seconds: float
    polling: bool = False
    last_success: datetime | None = None
    next_poll: datetime | None = None
    expires: datetime | None = None
    series: int = 0
    day: date | None = None
    advice: str | None = None
    polls: tuple[PollRecord, ...] = ()
    spend: tuple[DailySpend, ...] = ()
    figures: tuple[Figure, ...] = ()

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
