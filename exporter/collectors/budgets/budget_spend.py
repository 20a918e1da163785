"""What is spent of budgets: those of one kind of scope share a query wherever its rows can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace

from exporter.collectors.base import Poll
from exporter.collectors.budgets.budget_results import BudgetResult
from exporter.collectors.budgets.budget_scopes import FIELDS, ScopeLists
from exporter.collectors.budgets.budget_targets import BudgetTarget
from exporter.collectors.daily_spend import DayAmounts, read_daily_spend
from exporter.collectors.periods import CalendarSpan, end_of, previous_start
from exporter.errors import PollError

MOST_IDS = 100  # per query: a row for each of them and each of 62 days stays far below the API's 10,000


async def read_budgets(
    poll: Poll, lists: ScopeLists, listed: Iterable[BudgetTarget], failures: dict[str, PollError]
) -> dict[str, BudgetResult]:
    """Return the results of budgets; those that cannot be read are added to `failures`."""
    with poll.within_half():
        targets = await _resolve(lists, listed, failures)
    results = {target.name: BudgetResult(target, poll.today) for target in targets if not target.is_counted}
    groups = list(_groups(target for target in targets if target.is_counted))
    for group in groups:
        await _read_group(poll, group, results, failures, is_last=group is groups[-1])
    return results


async def _resolve(
    lists: ScopeLists, targets: Iterable[BudgetTarget], failures: dict[str, PollError]
) -> list[BudgetTarget]:
    """Return the targets whose scope is known; the others fail, each by itself."""
    resolved = []
    for target in targets:
        if target.scope is None or target.scope == "guardrail" or target.resolved is not None:
            resolved.append(target)
            continue
        try:
            scope = await lists.resolve(target.scope, target.value)
        except PollError as error:
            failures[target.name] = error
        else:
            resolved.append(replace(target, resolved=scope))
    return resolved


def _groups(targets: Iterable[BudgetTarget]) -> Iterator[list[BudgetTarget]]:
    """Yield the targets that share a query: those of one kind of scope, if rows of that dimension tell them apart."""
    kinds: dict[str, list[BudgetTarget]] = {}
    for target in targets:
        kinds.setdefault(target.scope or "", []).append(target)
    for kind, alike in kinds.items():
        if not kind:
            yield alike
            continue
        named = [target for target in alike if target.resolved is not None and target.resolved.labels is not None]
        owners: dict[str, set[str]] = {}
        for target in named:
            for id_, label in zip(*_names(target), strict=True):
                owners.setdefault(label, set()).add(id_)
        shared = [target for target in named if all(len(owners[label]) == 1 for label in _names(target)[1])]
        yield from (shared[start : start + MOST_IDS] for start in range(0, len(shared), MOST_IDS))
        yield from ([target] for target in alike if target not in shared)


def _names(target: BudgetTarget) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids to filter by, and the labels of their rows."""
    resolved = target.resolved
    return (resolved.ids, resolved.labels or ()) if resolved is not None else ((), ())


async def _read_group(
    poll: Poll,
    group: list[BudgetTarget],
    results: dict[str, BudgetResult],
    failures: dict[str, PollError],
    *,
    is_last: bool,
) -> None:
    """Read what targets have spent: together, or each by itself if the rows name other things than expected.

    Unless the group `is_last`, it leaves time for others.
    """
    first = min(previous_start(target.calendar_period, poll.today) for target in group)
    scope = group[0].scope
    field = FIELDS.get(scope)
    ids = tuple(dict.fromkeys(id_ for target in group for id_ in _names(target)[0]))
    expected = {label for target in group for label in _names(target)[1]}
    by_value = field is not None and len(group) > 1
    try:
        with nullcontext() if is_last else poll.within_half():
            amounts = await read_daily_spend(poll, first, field=field, values=ids, by_value=by_value)
        if not by_value or amounts.labels <= expected:
            for target in group:
                await poll.pause()
                results[target.name] = _result(target, amounts, _names(target)[1] if by_value else None)
            return
    except PollError as error:
        failures |= {target.name: error for target in group if target.name not in results}
        return
    for target in group:
        await _read_group(poll, [target], results, failures, is_last=False)


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
