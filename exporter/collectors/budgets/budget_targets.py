"""The budgets of an account: those of the configuration, and those that are set at OpenRouter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from exporter.api.budget_rows import BudgetPeriod, OwnBudget, read_own_budgets
from exporter.api.client import Request
from exporter.api.organization_rows import Workspace
from exporter.collectors.base import Poll
from exporter.collectors.budgets.budget_scopes import ResolvedScope
from exporter.collectors.daily_spend import PAYERS
from exporter.collectors.paging import NOT_LISTED
from exporter.config.budget_settings import ConfiguredBudget, Period, Scope
from exporter.errors import StatusError

WORKSPACE_BUDGETS, GUARDRAILS = "workspace_budgets", "guardrails"
LONGEST_LIST = 1024 * 1024
MOST_WORKSPACES = 100  # whose own budgets are read

SPEND = tuple(range(len(PAYERS)))
CREDITS = (PAYERS.index("credits"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTarget:
    """A budget and what it counts. `scope` None is the account; without `payers` its spend is unknown."""

    name: str
    period: BudgetPeriod
    limit_usd: float
    source: Literal["configuration", "openrouter"]
    scope: Scope | Literal["guardrail"] | None = None
    value: str = ""
    payers: tuple[int, ...] = SPEND
    resolved: ResolvedScope | None = None

    @property
    def calendar_period(self) -> Period:
        """The period in the calendar; only for a budget that is reset."""
        assert self.period != "total"  # noqa: S101 — is_counted excludes it
        return self.period

    @property
    def is_counted(self) -> bool:
        """Whether the budget's spend can be computed."""
        return bool(self.payers) and self.period != "total"


def configured_target(budget: ConfiguredBudget) -> BudgetTarget:
    """Return a budget of the configuration."""
    scope, value = budget.scope or (None, "")
    return BudgetTarget(
        name=budget.name,
        period=budget.period,
        limit_usd=budget.limit_usd,
        source="configuration",
        scope=scope,
        value=value,
        payers=SPEND if budget.counts == "spend" else CREDITS,
    )


async def openrouter_targets(poll: Poll, workspaces: Sequence[Workspace]) -> list[BudgetTarget]:
    """Return the budgets and guardrails of workspaces; none where the account's plan has none. Raises PollError."""
    targets: list[BudgetTarget] = []
    for read in (_of_workspace, _guardrails):
        try:
            for workspace in workspaces[:MOST_WORKSPACES]:
                targets += await read(poll, workspace)
        except StatusError as error:
            if error.status not in NOT_LISTED:  # the account's plan has no budgets
                raise
    return targets


async def _of_workspace(poll: Poll, workspace: Workspace) -> list[BudgetTarget]:
    name = workspace.slug or workspace.name or workspace.id
    scope = ResolvedScope((workspace.id,), (workspace.name,) if workspace.name else ())
    return [
        BudgetTarget(
            name=f"workspace {name} {budget.period}",
            period=budget.period,
            limit_usd=budget.limit_usd,
            source="openrouter",
            scope="workspace",
            value=name,
            payers=SPEND if budget.include_byok else CREDITS,
            resolved=scope,
        )
        for budget in await _list(poll, WORKSPACE_BUDGETS, f"/workspaces/{workspace.id}/budgets", {})
    ]


async def _guardrails(poll: Poll, workspace: Workspace) -> list[BudgetTarget]:
    parameters = {"workspace_id": workspace.id, "limit": "100"}
    return [
        BudgetTarget(
            name=f"guardrail {budget.name}",
            period=budget.period,
            limit_usd=budget.limit_usd,
            source="openrouter",
            scope="guardrail",
            value=budget.name,
            payers=(),  # the API does not report whose spend a guardrail counts
        )
        for budget in await _list(poll, GUARDRAILS, "/guardrails", parameters)
        if budget.name
    ]


async def _list(poll: Poll, operation: str, path: str, parameters: Mapping[str, str]) -> list[OwnBudget]:
    response = await poll.request(
        Request(operation=operation, path=path, parameters=parameters, longest_response=LONGEST_LIST)
    )
    with poll.reading(operation):
        return read_own_budgets(response, poll.rejections)
