"""`GET /workspaces/{ref}/budgets` and `GET /guardrails`: limits that OpenRouter enforces, without what is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from exporter.api.body import read_whole_list
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.api.response import Response

BudgetPeriod = Literal["day", "week", "month", "total"]
_PERIODS: Mapping[str | None, BudgetPeriod] = {"daily": "day", "weekly": "week", "monthly": "month", None: "total"}


class OwnBudget(msgspec.Struct, frozen=True, gc=False):
    """A limit in US dollars per period; `total` is never reset. Only guardrails have a name."""

    limit_usd: float
    period: BudgetPeriod
    name: str


class OwnBudgets(msgspec.Struct, frozen=True):
    """The budgets of a list, and whether spend on own provider keys counts."""

    budgets: list[OwnBudget]
    include_byok: bool


def read_own_budgets(response: Response, rejections: Rejections) -> OwnBudgets:
    """Return the budgets of a response. Rows without a limit are not budgets. Raises InvalidResponse."""
    page = read_whole_list(response, "a list of budgets")
    budgets = [budget for row in page.rows if (budget := _own_budget(row, rejections)) is not None]
    return OwnBudgets(budgets, Fields(page.fields).flag("include_byok_in_budgets") is True)


def _own_budget(row: Any, rejections: Rejections) -> OwnBudget | None:
    if not isinstance(row, Mapping):
        rejections.reject("not_an_object", row)
        return None
    fields = Fields(row, rejections.unreadable)
    limit, interval = fields.amount("limit_usd"), fields.text("reset_interval")
    if limit is None or limit < 0 or interval not in _PERIODS:
        return None
    return OwnBudget(limit, _PERIODS[interval], fields.text("name") or "")
