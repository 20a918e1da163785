"""Read the spend of budgets. Those with the same kind of scope share a query if its rows can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace

from exporter.collectors.base import Poll
from exporter.collectors.budgets.budget_results import BudgetOutcome, BudgetResult
from exporter.collectors.budgets.budget_scopes import FIELDS, ResolvedScope, ScopeLists
from exporter.collectors.budgets.budget_targets import BudgetTarget
from exporter.collectors.daily_spend import DayAmounts, read_daily_spend
from exporter.collectors.periods import CalendarSpan, end_of, previous_start
from exporter.errors import PollError

MOST_IDS = 100  # per query: a row for each of them and each of 62 days stays far below the API's 10,000


async def read_budgets(poll: Poll, lists: ScopeLists, targets: Iterable[BudgetTarget]) -> dict[str, BudgetOutcome]:
    """Return by name what was read of each budget, or why it could not be read."""
    outcomes: dict[str, BudgetOutcome] = {}
    resolved: list[BudgetTarget] = []
    with poll.within_half():
        for target in targets:
            try:
                resolved.append(await _resolved(lists, target))
            except PollError as error:
                outcomes[target.name] = error
    outcomes |= {target.name: BudgetResult(target, poll.today) for target in resolved if not target.is_counted}
    groups = list(_groups(target for target in resolved if target.is_counted))
    for group in groups:
        outcomes |= await _read_group(poll, group, is_last=group is groups[-1])
    return outcomes


async def _resolved(lists: ScopeLists, target: BudgetTarget) -> BudgetTarget:
    if target.scope is None or target.scope == "guardrail" or target.resolved is not None:
        return target
    return replace(target, resolved=await lists.resolve(target.scope, target.value))


def _groups(targets: Iterable[BudgetTarget]) -> Iterator[list[BudgetTarget]]:
    """Yield the targets that share a query: those of one kind of scope, if rows of that dimension tell them apart."""
    kinds: dict[str, list[BudgetTarget]] = {}
    for target in targets:
        kinds.setdefault(target.scope or "", []).append(target)
    for kind, alike in kinds.items():
        if not kind:
            yield alike
            continue
        named = [target for target in alike if _scope(target).labels]
        owners: dict[str, set[str]] = {}
        for target in named:
            for id_, label in zip(_scope(target).ids, _scope(target).labels, strict=True):
                owners.setdefault(label, set()).add(id_)
        shared = [target for target in named if all(len(owners[label]) == 1 for label in _scope(target).labels)]
        yield from (shared[start : start + MOST_IDS] for start in range(0, len(shared), MOST_IDS))
        yield from ([target] for target in alike if target not in shared)


def _scope(target: BudgetTarget) -> ResolvedScope:
    """Return what to filter by; nothing for a budget of the whole account."""
    return target.resolved or ResolvedScope()


async def _read_group(poll: Poll, group: list[BudgetTarget], *, is_last: bool) -> dict[str, BudgetOutcome]:
    """Read budgets with one query, or with one query each if its rows have a label that belongs to none of them.

    Unless the group `is_last`, the query may take only half of the time that is left.
    """
    first = min(previous_start(target.calendar_period, poll.today) for target in group)
    field = FIELDS.get(group[0].scope)
    ids = tuple(dict.fromkeys(id_ for target in group for id_ in _scope(target).ids))
    expected = {label for target in group for label in _scope(target).labels}
    by_value = field is not None and len(group) > 1
    outcomes: dict[str, BudgetOutcome] = {}
    try:
        with nullcontext() if is_last else poll.within_half():
            amounts = await read_daily_spend(poll, first, field=field, values=ids, by_value=by_value)
        if not by_value or amounts.labels <= expected:
            for target in group:
                await poll.pause()
                outcomes[target.name] = _result(target, amounts, _scope(target).labels if by_value else None)
            return outcomes
    except PollError as error:
        return {target.name: outcomes.get(target.name, error) for target in group}
    for target in group:
        outcomes |= await _read_group(poll, [target], is_last=False)
    return outcomes


def _result(target: BudgetTarget, amounts: DayAmounts, labels: tuple[str, ...] | None) -> BudgetResult:
    period, today = target.calendar_period, amounts.today
    spent, previous = (
        math.fsum(amounts.total(payer, first, end, labels) for payer in target.payers)
        for first, end in (CalendarSpan(period, is_current).days(today) for is_current in (True, False))
    )
    expected = math.nan
    if period == "month":
        expected = spent + amounts.expected_rest(end_of(period, today), target.payers, labels)
    return BudgetResult(target, today, spent, previous, expected)
