"""The result of each budget, and the families that publish it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime

from exporter.collectors.budgets.budget_targets import BudgetTarget
from exporter.collectors.common import difference, gauge
from exporter.collectors.days import midnight
from exporter.collectors.periods import end_of, start_of
from exporter.errors import PollError, UnknownName
from exporter.status import BudgetStatus

LABELS = ("account", "budget", "period")
LIMIT = gauge("openrouter_budget_limit_usd", "The budget's limit per period, in US dollars.", LABELS)
SPENT = gauge("openrouter_budget_spent_usd", "Spent in the budget's current period so far, in US dollars.", LABELS)
REMAINING = gauge(
    "openrouter_budget_remaining_usd", "The limit minus what is spent, in US dollars. Can be negative.", LABELS
)
PREVIOUS = gauge("openrouter_budget_previous_spent_usd", "Spent in the period before, in US dollars.", LABELS)
EXPECTED = gauge(
    "openrouter_budget_expected_spent_usd",
    "Spend at the end of the month if each remaining day costs the mean of its weekday over 28 days, in US dollars. "
    "Only for budgets by month.",
    LABELS,
)
STARTS = gauge(
    "openrouter_budget_period_start_timestamp_seconds",
    "Start of the budget's current period, as Unix time in seconds.",
    LABELS,
)
ENDS = gauge(
    "openrouter_budget_period_end_timestamp_seconds",
    "End of the budget's current period, as Unix time in seconds.",
    LABELS,
)
INFO = gauge(
    "openrouter_budget_info",
    "Where the budget comes from (`configuration` or `openrouter`) and what it covers. The value is 1.",
    (*LABELS, "source", "scope", "value"),
)
AMOUNTS = (LIMIT, SPENT, REMAINING, PREVIOUS, EXPECTED, STARTS, ENDS)
SUCCESS = gauge(
    "openrouter_budget_success",
    "1 if the last poll could read what is spent of the budget, else 0.",
    ("account", "budget"),
)


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """The amounts that a poll read for a budget, and their UTC day.

    `read_at` is when that poll began (monotonic seconds).
    """

    target: BudgetTarget
    today: date
    spent: float = math.nan
    previous: float = math.nan
    expected: float = math.nan
    read_at: float = -math.inf

    def may_stay(self, target: BudgetTarget, error: PollError) -> bool:
        """Return whether the values may stay for a budget that could not be read; not if its scope no longer exists.

        A target whose scope could not be resolved is compared without it.
        """
        resolved_alike = self.target if target.resolved is not None else replace(self.target, resolved=None)
        return target == resolved_alike and not isinstance(error, UnknownName)

    def amounts(self, shown_on: date) -> tuple[float, ...]:
        """Return the values of AMOUNTS on a day; those of a period that has ended are unknown."""
        limit = self.target.limit_usd
        if self.target.period == "total":
            return (limit, *[math.nan] * (len(AMOUNTS) - 1))
        period = self.target.calendar_period
        bounds = midnight(start_of(period, shown_on)).timestamp(), midnight(end_of(period, shown_on)).timestamp()
        if shown_on >= end_of(period, self.today):
            return (limit, math.nan, math.nan, math.nan, math.nan, *bounds)
        return (limit, self.spent, difference(limit, self.spent), self.previous, self.expected, *bounds)


BudgetOutcome = BudgetResult | PollError


@dataclass(frozen=True, slots=True)
class PublishedBudget:
    """A budget as it is published: with the result of this poll, or of an earlier one if this one could not read it.

    `error` is why it could not. `expires` is when the result of an earlier poll disappears.
    """

    target: BudgetTarget
    result: BudgetResult | None
    error: PollError | None
    expires: datetime | None

    def at(self, moment: datetime) -> PublishedBudget:
        """Return the budget at a moment: without its result once that has expired."""
        return self if self.expires is None or moment < self.expires else replace(self, result=None)

    def status(self, today: date) -> BudgetStatus:
        """Return the state of the budget for the status pages."""
        target, result = self.target, self.result or BudgetResult(self.target, today)
        start = end = None
        if target.period != "total":
            start, end = midnight(start_of(target.period, result.today)), midnight(end_of(target.period, result.today))
        return BudgetStatus(
            name=target.name,
            period=target.period,
            source=target.source,
            scope=target.scope or "account",
            value=target.value,
            limit_usd=target.limit_usd,
            spent_usd=_if_known(result.spent),
            remaining_usd=_if_known(difference(target.limit_usd, result.spent)),
            projected_usd=_if_known(result.expected),
            period_start=start,
            period_end=end,
            error=None if self.error is None else str(self.error),
            expires=self.expires,
        )


def _if_known(amount: float) -> float | None:
    return None if math.isnan(amount) else amount
