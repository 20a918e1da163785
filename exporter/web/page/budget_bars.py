"""Budgets on a page: a bar for each, with its limit, what is spent, what is left and what is projected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from exporter.status import BudgetStatus
from exporter.web.overview import AccountBudget
from exporter.web.page.formatting import MINUS, count, isolated, moment, usd

MOST_BUDGETS = 20
NEARLY_SPENT = 0.8

_EACH = {"day": "each day", "week": "each week", "month": "each month", "total": "in total"}


def budget_bars(budgets: Sequence[AccountBudget], now: datetime, *, with_account: bool) -> str:
    """Return the section, or nothing without budgets."""
    if not budgets:
        return ""
    bars = "".join(_bar(shown, now, with_account=with_account) for shown in budgets[:MOST_BUDGETS])
    more = len(budgets) - MOST_BUDGETS
    rest = f'<p class="note">{count(more, "more budget")} in the status.</p>' if more > 0 else ""
    return f'<section class="panel"><h2>Budgets</h2><ul class="budgets">{bars}</ul>{rest}</section>'


def percent(share: float) -> str:
    """Return a share in percent, rounded down: 99.9 % of a budget is not all of it."""
    return f"{math.floor(share * 100 + 1e-9):,} %".replace("-", MINUS)


def left(budget: BudgetStatus) -> str:
    """Return what is left of a budget, or how much more than its limit is spent."""
    if budget.remaining_usd is None:
        return "spend unknown"
    return f"{usd(budget.remaining_usd)} left" if budget.remaining_usd >= 0 else f"{usd(-budget.remaining_usd)} over"


def covers(budget: BudgetStatus) -> str:
    """Return what a budget covers and its period, such as `workspace lab, each month`."""
    scope = "account" if budget.scope == "account" else f"{budget.scope} {budget.value}"
    return f"{scope}, {_EACH[budget.period]}"


def _bar(shown: AccountBudget, now: datetime, *, with_account: bool) -> str:
    budget = shown.budget
    account = f"{isolated(shown.account)}: " if with_account else ""
    spent = f"<b>{usd(budget.spent_usd)}</b> of " if budget.spent_usd is not None else "limit "
    error = "" if budget.error is None else f'<p class="error">{isolated(budget.error)}</p>'
    return (
        f'<li class="{_level(budget)}"><div class="split"><h3>{isolated(budget.name)} '
        f"<small>{account}{isolated(covers(budget))}</small></h3><p>{spent}{usd(budget.limit_usd)}</p></div>"
        f'{_meter(budget)}<p class="note">{", ".join(_facts(shown, now))}</p>{error}</li>'
    )


def _level(budget: BudgetStatus) -> str:
    if budget.used is None:
        return "unknown"
    if budget.used >= 1:
        return "over"
    will_be_spent = budget.projected_usd is not None and budget.projected_usd > budget.limit_usd
    return "near" if budget.used >= NEARLY_SPENT or will_be_spent else "fine"


def _meter(budget: BudgetStatus) -> str:
    if budget.used is None:
        return ""
    projected = ""
    if budget.projected_usd is not None and budget.limit_usd > 0:
        projected = f'<i class="projected" style="width:{_width(budget.projected_usd / budget.limit_usd)}"></i>'
    return (
        f'<div class="meter" role="img" aria-label="{percent(budget.used)} spent">{projected}'
        f'<i style="width:{_width(budget.used)}"></i></div>'
    )


def _width(share: float) -> str:
    return f"{min(max(share, 0), 1) * 100:.1f}%"


def _facts(shown: AccountBudget, now: datetime) -> list[str]:
    budget = shown.budget
    facts = [left(budget)]
    if budget.used is not None:
        facts.insert(0, f"{percent(budget.used)} spent")
    if budget.projected_usd is not None:
        facts.append(f"{usd(budget.projected_usd)} projected")
    if budget.period_end is not None:
        facts.append(f"until {budget.period_end.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if shown.as_of is not None:
        facts.append(f"as of {moment(shown.as_of, now)}")
    return facts
