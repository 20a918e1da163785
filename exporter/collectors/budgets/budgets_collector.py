"""Budgets: what of each is spent in its calendar period, today included, from the configuration and from OpenRouter.

OpenRouter reports the limits of its own budgets, and not what is spent of them: that is computed from the analytics
API over the same calendar window (`budget_spend.py`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Annotated, Self

from exporter.api import analytics_response
from exporter.api.model_rows import ModelRow
from exporter.api.organization_rows import KEY_REJECTION_REASONS
from exporter.collectors import paging
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.budgets.budget_results import AMOUNTS, INFO, LABELS, SUCCESS, BudgetResult, budget_status
from exporter.collectors.budgets.budget_scopes import ScopeLists
from exporter.collectors.budgets.budget_spend import read_budgets
from exporter.collectors.budgets.budget_targets import (
    GUARDRAILS,
    WORKSPACE_BUDGETS,
    BudgetTarget,
    configured_target,
    openrouter_targets,
)
from exporter.collectors.catalogue import model_list
from exporter.collectors.common import info
from exporter.collectors.daily_spend import REJECTION_REASONS
from exporter.collectors.days import midnight
from exporter.collectors.periods import period_starts_after
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.configuration import Account
from exporter.errors import PollError
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

LISTS_MAX_AGE = 3600.0  # seconds; limits and model names change rarely


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetsSettings(CollectorSettings):
    """The collector of budgets: those of the configuration, and those that are set at OpenRouter."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 3600.0
    include_openrouter: Annotated[
        bool, "Whether to show the budgets of workspaces and the guardrails that are set at OpenRouter."
    ] = True


@dataclass(frozen=True, slots=True)
class _OwnBudgets:
    """The budgets that are set at OpenRouter, when their lists were read, and why they could not be read again."""

    targets: tuple[BudgetTarget, ...] = ()
    read_at: float = -math.inf
    failure: PollError | None = None

    def are_fresh(self, now: float) -> bool:
        """Return whether the lists need not be read again."""
        return now - self.read_at < LISTS_MAX_AGE


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the next poll may use again: results for budgets that fail, and lists that change rarely."""

    results: Mapping[str, BudgetResult] = field(default_factory=dict)
    own: _OwnBudgets = _OwnBudgets()
    models: Sequence[ModelRow] | None = None


class BudgetsCollector(Collector[BudgetsSettings]):
    """Reads what is spent of each budget. A budget that cannot be read keeps its last values until they expire."""

    name = "budgets"
    settings_type = BudgetsSettings
    title = "Budgets"
    resource = "POST /analytics/query"
    text = """\
Budgets come from `budgets` in the configuration, and from OpenRouter itself: `workspace <slug> <period>` and
`guardrail <name>`. Periods are UTC; weeks begin on Monday. For a limit that is never reset (`period="total"`) and for
a guardrail, the API does not report what spend counts, so only limit and info are shown. Each budget fails alone: see
`openrouter_budget_success`. When a period ends, what was spent in it disappears at once, until the next poll.
"""
    requests = "1 for the account's budgets, 1 for each kind of scope; lists of keys, workspaces, members if needed"
    operations = (
        analytics_response.QUERY,
        paging.WORKSPACES,
        paging.KEYS,
        paging.MEMBERS,
        model_list.OPERATION,
        WORKSPACE_BUDGETS,
        GUARDRAILS,
    )
    rejection_reasons = tuple(dict.fromkeys((*REJECTION_REASONS, *KEY_REJECTION_REASONS)))

    def __init__(self, account: str, settings: BudgetsSettings, budgets: Sequence[ConfiguredBudget] = ()) -> None:
        super().__init__(account, settings)
        self._configured = tuple(map(configured_target, budgets))

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the collector of an account, with its budgets."""
        return cls(account.name, account.collectors.of(BudgetsSettings), account.budgets)

    @property
    def identity(self) -> object:
        """Return what decides which data are published: the settings, and the budgets."""
        return self.settings.timeless(), self._configured

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of amounts, periods, names and success."""
        return (*AMOUNTS, INFO, SUCCESS)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read every budget. Raise PollError if what is spent is unknown of all of them."""
        last = memory if isinstance(memory, _Memory) else _Memory()
        lists = ScopeLists(poll, last.models if last.own.are_fresh(poll.started) else None)
        own = await self._own_budgets(poll, lists, last.own)
        listed = (*self._configured, *own.targets)
        failures: dict[str, PollError] = {}
        results = await read_budgets(poll, lists, listed, failures)
        poll.finish_late()
        cause = next(iter(failures.values()), own.failure)
        if cause is not None and len(failures) == sum(target.is_counted for target in listed):
            raise cause  # nothing could be read
        # A limit set at OpenRouter is as old as the list that it is in, once that could not be read again.
        ages = {"configuration": poll.started, "openrouter": min(poll.started, own.read_at + LISTS_MAX_AGE)}
        results = {name: replace(result, read_at=ages[result.target.source]) for name, result in results.items()}
        results |= self._kept(last.results, listed, failures, poll.started)
        ends = {name: end for name, result in results.items() if (end := self._end(result, poll)) is not None}
        success = {target.name: target.name not in failures for target in listed}
        parts = [(f"budget {name}", str(error)) for name, error in failures.items()]
        if own.failure is not None:
            parts.append(("budgets of OpenRouter", str(own.failure)))
        shown = {target.name: BudgetResult(target, poll.today) for target in listed} | results
        return Collected(
            snapshot=self._snapshot(results, success, poll.today),
            memory=_Memory(results, replace(own, failure=None), lists.models),
            summary=Summary(
                failures=tuple(parts),
                budgets=tuple(
                    budget_status(target, shown[target.name], failures.get(target.name), ends.get(target.name))
                    for target in listed
                ),
            ),
            successors=tuple(self._successors(results, success, poll.today, ends)),
        )

    async def _own_budgets(self, poll: Poll, lists: ScopeLists, last: _OwnBudgets) -> _OwnBudgets:
        """Return the budgets that are set at OpenRouter; if their lists fail, the last ones until they expire."""
        if last.are_fresh(poll.started):
            return last
        try:
            with poll.within_half():
                return _OwnBudgets(await self._openrouter_targets(poll, lists), poll.started)
        except PollError as error:
            is_expired = poll.started - last.read_at - LISTS_MAX_AGE >= self.settings.stale_after
            return replace(last, targets=() if is_expired else last.targets, failure=error)

    def _kept(
        self,
        last: Mapping[str, BudgetResult],
        listed: Iterable[BudgetTarget],
        failures: Mapping[str, PollError],
        now: float,
    ) -> dict[str, BudgetResult]:
        """Return the last results of budgets that could not be read now, unless they have expired."""
        earlier = [(target, last[target.name]) for target in listed if target.name in last]
        return {
            target.name: result
            for target, result in earlier
            if now - result.read_at < self.settings.stale_after and result.may_stay(target, failures.get(target.name))
        }

    def _end(self, result: BudgetResult, poll: Poll) -> datetime | None:
        """Return when a result expires, None if it is one of this poll or never does."""
        if result.read_at == poll.started or self.settings.stale_after == math.inf:
            return None
        return poll.wall_time(result.read_at + self.settings.stale_after).astimezone(UTC)

    def _successors(
        self,
        results: Mapping[str, BudgetResult],
        success: Mapping[str, bool],
        today: date,
        ends: Mapping[str, datetime],
    ) -> Iterator[tuple[datetime, Snapshot]]:
        """Yield what is shown once a period has ended, and once a result of an earlier poll has expired."""
        for moment in sorted({*map(midnight, period_starts_after(today)), *ends.values()}):
            remaining = {name: result for name, result in results.items() if name not in ends or moment < ends[name]}
            yield moment, self._snapshot(remaining, success, max(today, moment.date()))

    async def _openrouter_targets(self, poll: Poll, lists: ScopeLists) -> tuple[BudgetTarget, ...]:
        """Return the budgets that are set at OpenRouter, without those whose names the configuration has."""
        if not self.settings.include_openrouter:
            return ()
        targets = await openrouter_targets(poll, await lists.workspaces())
        taken = {target.name for target in self._configured}
        return tuple({target.name: target for target in targets if target.name not in taken}.values())

    def _snapshot(self, results: Mapping[str, BudgetResult], success: Mapping[str, bool], shown_on: date) -> Snapshot:
        """Return the results as they are shown on a day: what was spent in a period that has ended is gone."""
        listed = [results[name] for name in success if name in results]
        samples = [(self.account, result.target.name, result.target.period) for result in listed]
        amounts = [result.amounts(shown_on) for result in listed]
        labels = LabelSets(LABELS, samples)
        families = [
            Family(metric, labels, array("d", [values[index] for values in amounts]))
            for index, metric in enumerate(AMOUNTS)
        ]
        names = [
            (*sample, result.target.source, result.target.scope or "account", result.target.value)
            for sample, result in zip(samples, listed, strict=True)
        ]
        budgets = LabelSets(SUCCESS.labels, [(self.account, name) for name in success])
        return Snapshot((*families, info(INFO, names), Family(SUCCESS, budgets, array("d", success.values()))))
