"""The parts of a status on the landing page and in `once --format=table`: accounts, budgets, top spenders."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Literal, NamedTuple

from exporter.status import CREDIT_LEFT, SPENT_TODAY, BudgetStatus, CollectorStatus, DailySpend, Status
from exporter.web.collector_state import STATES, State, state_of

MOST_TOP_ROWS = 10
DAYS = 30

# The titles of the lists, in the order in which they are shown.
TOP_TITLES: dict[tuple[Literal["model", "key"], Literal["today", "month", "30d"]], str] = {
    ("model", "today"): "Top models today",
    ("model", "30d"): "Top models in 30 days",
    ("key", "today"): "Top keys today",
    ("key", "month"): "Top keys this month",
    ("key", "30d"): "Top keys in 30 days",
}


@dataclass(frozen=True, slots=True)
class DailyTotals:
    """USD per day in the `DAYS` days up to the latest known one; unknown days are absent."""

    days: tuple[DailySpend, ...]

    @property
    def latest(self) -> DailySpend | None:
        """The latest known day."""
        return self.days[-1] if self.days else None

    @property
    def total(self) -> float:
        """The sum of all days."""
        return math.fsum(usd for _, usd in self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """An account in one row; amounts are None if they are unknown.

    `state` is that of the worst collectors, which `in_trouble` names unless they are healthy. `budget` is the one with
    the largest share spent.
    """

    account: str
    state: State
    in_trouble: tuple[str, ...]
    latest_day: DailySpend | None
    thirty_days: float | None
    today: float | None
    credit: float | None
    budget: BudgetStatus | None


class AccountBudget(NamedTuple):
    """A budget of an account. `as_of` is set if the last poll failed: when the amounts were read."""

    account: str
    budget: BudgetStatus
    as_of: datetime | None


class TopRow(NamedTuple):
    """A model or a key of an account; `share` is its share of the total of all accounts, None if unknown."""

    account: str
    name: str
    usd: float
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopList:
    """The models or keys that spent most, of all `accounts` whose spend is known.

    `lacks_rows` is whether rows were rejected, which the total lacks.
    """

    title: str
    total_usd: float | None
    accounts: frozenset[str]
    rows: tuple[TopRow, ...]
    lacks_rows: bool = False


def account_names(status: Status) -> tuple[str, ...]:
    """Return the names of all accounts, in the order of the configuration."""
    return tuple(dict.fromkeys(collector.account for collector in status.collectors))


def account_summaries(status: Status) -> list[AccountSummary]:
    """Return a summary of each account: first those with a collector in trouble or a spent budget, the worst first."""
    by_account: dict[str, list[CollectorStatus]] = {}
    for collector in status.collectors:
        by_account.setdefault(collector.account, []).append(collector)
    summaries = [_summary(name, collectors, status.now) for name, collectors in by_account.items()]
    return sorted(summaries, key=_rank)


def budgets_of(collectors: Iterable[CollectorStatus]) -> list[AccountBudget]:
    """Return all budgets: first those that cannot be read, then those that are spent most."""
    budgets = [
        AccountBudget(collector.account, budget, None if collector.healthy else collector.last_success)
        for collector in collectors
        for budget in collector.budgets
    ]
    return sorted(budgets, key=lambda shown: (shown.budget.error is None, -_used(shown.budget)))


def tops_of(collectors: Collection[CollectorStatus]) -> list[TopList]:
    """Return one list of each kind, merged from the lists of all accounts.

    The result is exact: what is among the largest of all accounts is among the largest of its own.
    """
    merged = []
    for kind, title in TOP_TITLES.items():
        known = [(collector, top) for collector in collectors for top in collector.tops if (top.of, top.period) == kind]
        tops = [(collector.account, top) for collector, top in known]
        if not tops:
            continue
        totals = [top.total_usd for _, top in tops if top.total_usd is not None]
        total = math.fsum(totals) if len(totals) == len(tops) else None
        entries = [(account, entry) for account, top in tops for entry in top.entries]
        entries.sort(key=lambda pair: (-pair[1].usd, pair))
        rows = tuple(
            TopRow(account, entry.name, entry.usd, entry.usd / total if total is not None and total > 0 else None)
            for account, entry in entries[:MOST_TOP_ROWS]
        )
        accounts = frozenset(account for account, _ in tops)
        lacks_rows = any(collector.rows_rejected for collector, _ in known)
        merged.append(TopList(title=title, total_usd=total, accounts=accounts, rows=rows, lacks_rows=lacks_rows))
    return merged


def sum_of(series: Iterable[Iterable[DailySpend]]) -> DailyTotals:
    """Return the spend of several collectors, summed by day; an amount that is not finite is unknown."""
    amounts: dict[date, list[float]] = {}
    for day, usd in chain.from_iterable(series):
        if math.isfinite(usd):
            amounts.setdefault(day, []).append(usd)
    first = max(amounts, default=date.max) - timedelta(days=DAYS - 1)
    return DailyTotals(tuple(DailySpend(day, math.fsum(amounts[day])) for day in sorted(amounts) if day >= first))


def known_days(collector: CollectorStatus) -> tuple[DailySpend, ...]:
    """Return the spend per day; if the API reported no usage at all, the latest day with a spend of 0."""
    if not collector.spend and collector.day is not None:
        return (DailySpend(collector.day, 0.0),)
    return collector.spend


def _summary(account: str, collectors: list[CollectorStatus], now: datetime) -> AccountSummary:
    states = {collector.collector: state_of(collector, now) for collector in collectors}
    worst = min(states.values(), key=STATES.index)
    spend = sum_of(map(known_days, collectors))
    figures = {name: usd for collector in collectors for name, usd in collector.figures}
    budgets = [budget for collector in collectors for budget in collector.budgets if budget.used is not None]
    return AccountSummary(
        account=account,
        state=worst,
        in_trouble=tuple(name for name, state in states.items() if state == worst != "healthy"),
        latest_day=spend.latest,
        thirty_days=spend.total if spend.days else None,
        today=figures.get(SPENT_TODAY),
        credit=figures.get(CREDIT_LEFT),
        budget=max(budgets, key=_used, default=None),
    )


def _rank(summary: AccountSummary) -> tuple[bool, int, float]:
    used = -1.0 if summary.budget is None else _used(summary.budget)
    return summary.state == "healthy" and used < 1, STATES.index(summary.state), -used


def _used(budget: BudgetStatus) -> float:
    return -1.0 if budget.used is None else budget.used
