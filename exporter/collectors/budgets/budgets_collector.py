"""Budgets of the configuration and of OpenRouter, with the spend of their calendar periods, today included.

OpenRouter reports the limits of its own budgets but not their spend, which is computed from the analytics API over the
same calendar window (`budget_spend.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Annotated, Self

from exporter.api import analytics_response
from exporter.api.model_rows import ModelRow
from exporter.api.organization_rows import KEY_REJECTION_REASONS
from exporter.collectors import paging
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.budgets.budget_results import (
    AMOUNTS,
    INFO,
    SUCCESS,
    BudgetOutcome,
    BudgetResult,
    PublishedBudget,
)
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
from exporter.collectors.common import families_of, family_of, info
from exporter.collectors.daily_spend import REJECTION_REASONS
from exporter.collectors.days import midnight
from exporter.collectors.periods import period_starts_after
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.configuration import Account
from exporter.errors import PollError
from exporter.exposition.families import MetricFamily, Snapshot

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
        """Read every budget. Raise PollError if the spend of none of them is known."""
        last = memory if isinstance(memory, _Memory) else _Memory()
        lists = ScopeLists(poll, last.models if last.own.are_fresh(poll.started) else None)
        own = await self._own_budgets(poll, lists, last.own)
        targets = (*self._configured, *own.targets)
        outcomes = await read_budgets(poll, lists, targets)
        poll.finish_late()
        errors = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, PollError)}
        cause = next(iter(errors.values()), own.failure)
        if cause is not None and len(errors) == sum(target.is_counted for target in targets):
            raise cause  # nothing could be read
        budgets = [
            self._shown(poll, target, outcomes[target.name], last.results.get(target.name), own.read_at)
            for target in targets
        ]
        parts = [(f"budget {name}", str(error)) for name, error in errors.items()]
        if own.failure is not None:
            parts.append(("budgets of OpenRouter", str(own.failure)))
        results = {budget.target.name: budget.result for budget in budgets if budget.result is not None}
        return Collected(
            snapshot=self._snapshot(budgets, poll.today),
            memory=_Memory(results, replace(own, failure=None), lists.models),
            summary=Summary(failures=tuple(parts), budgets=tuple(budget.status(poll.today) for budget in budgets)),
            successors=tuple(self._successors(budgets, poll.today)),
        )

    async def _own_budgets(self, poll: Poll, lists: ScopeLists, last: _OwnBudgets) -> _OwnBudgets:
        """Return the budgets that are set at OpenRouter; if their lists fail, the last ones until they expire."""
        if last.are_fresh(poll.started):
            return last
        include, taken = self.settings.include_openrouter, {target.name for target in self._configured}
        try:
            with poll.within_half():
                targets = await openrouter_targets(poll, await lists.workspaces()) if include else []
        except PollError as error:
            is_expired = poll.started - last.read_at - LISTS_MAX_AGE >= self.settings.stale_after
            return replace(last, targets=() if is_expired else last.targets, failure=error)
        return _OwnBudgets(
            tuple({target.name: target for target in targets if target.name not in taken}.values()), poll.started
        )

    def _shown(
        self, poll: Poll, target: BudgetTarget, outcome: BudgetOutcome, last: BudgetResult | None, listed_at: float
    ) -> PublishedBudget:
        """Return a budget with its result; if it could not be read, with the `last` one unless that has expired."""
        stale_after, started = self.settings.stale_after, poll.started
        result = error = None
        if isinstance(outcome, PollError):
            error = outcome
            if last is not None and started - last.read_at < stale_after and last.may_stay(target, error):
                result = last
        else:
            # A limit set at OpenRouter is as old as the list that it is in, once that could not be read again.
            is_own = target.source == "openrouter"
            result = replace(outcome, read_at=min(started, listed_at + LISTS_MAX_AGE) if is_own else started)
        expires = None
        if result is not None and result.read_at != started and stale_after != math.inf:
            expires = poll.wall_time(result.read_at + stale_after).astimezone(UTC)
        return PublishedBudget(target, result, error, expires)

    def _successors(self, budgets: Sequence[PublishedBudget], today: date) -> Iterator[tuple[datetime, Snapshot]]:
        """Yield what is shown once a period has ended, and once a result of an earlier poll has expired."""
        expiries = {budget.expires for budget in budgets if budget.expires is not None}
        for moment in sorted({*map(midnight, period_starts_after(today)), *expiries}):
            yield moment, self._snapshot([budget.at(moment) for budget in budgets], max(today, moment.date()))

    def _snapshot(self, budgets: Sequence[PublishedBudget], shown_on: date) -> Snapshot:
        """Return budgets as they are shown on a day: what was spent in a period that has ended is gone."""
        results = [budget.result for budget in budgets if budget.result is not None]
        targets = [result.target for result in results]
        samples = [(self.account, target.name, target.period) for target in targets]
        names = [
            (*sample, target.source, target.scope or "account", target.value)
            for sample, target in zip(samples, targets, strict=True)
        ]
        every_name = [(self.account, budget.target.name) for budget in budgets]
        return Snapshot(
            (
                *families_of(AMOUNTS, samples, [result.amounts(shown_on) for result in results]),
                info(INFO, names),
                family_of(SUCCESS, every_name, [budget.error is None for budget in budgets]),
            )
        )
