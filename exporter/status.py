"""The state of collecting as plain data: what the landing page and `/-/status` show.

`/-/status` is made from these classes, so their fields are its keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, NamedTuple

Outcome = Literal["changed", "unchanged", "failed"]

PROJECTED_FROM = 0.2  # share of a period; earlier projections are too uncertain. The alerts use the same.


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """One finished poll. `error` is set if and only if the outcome is `failed`; `hint` says how to correct it.

    `status` and `status_class` are those of the attempt that failed the poll; `reason` is set instead if it failed
    without a failed attempt.
    """

    started: datetime
    duration_seconds: float
    outcome: Outcome
    rows_rejected: int = 0
    error: str | None = None
    hint: str | None = None
    status: int | None = None
    status_class: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A request of the poll in progress that failed and is retried: its last failure, and the attempt that follows.

    `attempt` is the number of that attempt, from 2; `next_attempt` is in the past while it is in progress.
    """

    attempt: int
    operation: str
    error: str
    status: int | None
    status_class: str
    next_attempt: datetime


class DailySpend(NamedTuple):
    """Spend of one UTC day, own-key spend included."""

    day: date
    usd: float


# Figures that the overview of accounts shows.
SPENT_TODAY = "Spent today"
CREDIT_LEFT = "Credit left"


class Figure(NamedTuple):
    """An amount to show to people, such as the credit left."""

    name: str
    usd: float


class TopEntry(NamedTuple):
    """A model or a key, what it spent, and its share of the total; None if the total is unknown."""

    name: str
    usd: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The models or keys that spent most in a period, the largest first; own-key spend included.

    `total_usd` is the spend of all of them, not only of `entries`; None if a part of it is unknown. `until` is when the
    period ends, None for `30d`, which the next poll replaces.
    """

    of: Literal["model", "key"]
    period: Literal["today", "month", "30d"]
    total_usd: float | None
    entries: tuple[TopEntry, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """A budget, and what is spent of it in its period; None is unknown.

    `projected_usd` is the spend at the end of the period: by weekdays where that is known, else at the present rate.
    `error` is why the last poll could not read what is spent; amounts beside it are those of an earlier poll, and
    vanish when it `expires`.
    """

    name: str
    period: Literal["day", "week", "month", "total"]
    source: Literal["configuration", "openrouter"]
    scope: str
    value: str
    limit_usd: float
    spent_usd: float | None = None
    remaining_usd: float | None = None
    projected_usd: float | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    error: str | None = None
    expires: datetime | None = None

    @property
    def used(self) -> float | None:
        """The share of the limit that is spent, 1 if the limit is 0; None if it is unknown."""
        if self.spent_usd is None:
            return None
        return self.spent_usd / self.limit_usd if self.limit_usd > 0 else 1.0

    def at(self, now: datetime) -> BudgetStatus:
        """Return the budget at a moment: with a projection, and without what was spent if it expired or ended."""
        if self.expires is not None and now >= self.expires:
            return replace(self, spent_usd=None, remaining_usd=None, projected_usd=None, expires=None).at(now)
        if self.period_start is None or self.period_end is None:
            return self
        if now >= self.period_end:
            return replace(
                self, spent_usd=None, remaining_usd=None, projected_usd=None, period_start=None, period_end=None
            )
        elapsed = (now - self.period_start) / (self.period_end - self.period_start)
        if self.spent_usd is None or elapsed < PROJECTED_FROM:
            return replace(self, projected_usd=None)
        return self if self.projected_usd is not None else replace(self, projected_usd=self.spent_usd / elapsed)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatus:
    """An analytics query: the rows of its last usable response, and why the last poll could not read it, if it failed.

    `expires` is when its values vanish, None if they never do, or never came. `rows` is None once they have.
    `truncated` is whether there were more rows than may be published.
    """

    name: str
    rows: int | None = None
    truncated: bool = False
    last_success: datetime | None = None
    expires: datetime | None = None
    error: str | None = None

    def at(self, now: datetime) -> QueryStatus:
        """Return the query at a moment."""
        return self if self.expires is None or now < self.expires else replace(self, rows=None)


class Retirement(NamedTuple):
    """A model in use, and the day on which it is retired."""

    model: str
    day: date


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part of a collector's data that the last successful poll could not read, such as one budget, and why."""

    part: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """One collector of one account.

    `polls` are the latest ones, newest last; `spend` is oldest first. `last_success` None is never. `expires` is when
    the published values vanish, None if nothing is published or they never do; `expired` is whether they have. `day` is
    the day that the gauges describe. `retry` is a request of the poll in progress that failed. `advice` is how to
    correct the account's key, if that is necessary.
    """

    account: str
    collector: str
    interval_seconds: float
    polling: bool = False
    retry: Retry | None = None
    last_success: datetime | None = None
    next_poll: datetime | None = None
    expires: datetime | None = None
    expired: bool = False
    series: int = 0
    day: date | None = None
    advice: str | None = None
    polls: tuple[PollRecord, ...] = ()
    spend: tuple[DailySpend, ...] = ()
    figures: tuple[Figure, ...] = ()
    failures: tuple[PartFailure, ...] = ()
    budgets: tuple[BudgetStatus, ...] = ()
    tops: tuple[Top, ...] = ()
    queries: tuple[QueryStatus, ...] = ()
    retirements: tuple[Retirement, ...] = ()

    @property
    def last_poll(self) -> PollRecord | None:
        """The latest finished poll; None before the first."""
        return self.polls[-1] if self.polls else None

    @property
    def healthy(self) -> bool:
        """Whether the last poll succeeded; False before the first."""
        return self.last_poll is not None and self.last_poll.outcome != "failed"

    @property
    def rows_rejected(self) -> int:
        """The number of rows that the last poll rejected, which totals lack."""
        return 0 if self.last_poll is None else self.last_poll.rows_rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon as a whole, at `now`. `reload_mistakes` are those of the last reload, none if it succeeded.

    It polls the accounts of one of `shard_total` shards; the index counts from 0. `collectors` are those of accounts;
    those of the public `catalogue` have an empty account.
    """

    version: str
    now: datetime
    started: datetime
    ready: bool
    shard_index: int = 0
    shard_total: int = 1
    reload_mistakes: tuple[str, ...] = ()
    collectors: tuple[CollectorStatus, ...]
    catalogue: tuple[CollectorStatus, ...] = ()
