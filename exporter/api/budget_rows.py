"""`GET /workspaces/{ref}/budgets` and `GET /guardrails`: limits that OpenRouter enforces, but not the spend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from exporter.api.body import read_whole_list
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.api.response import Response

BudgetPeriod = Literal["day", "week", "month", "total"]
_PERIODS: Mapping[str | None, BudgetPeriod] = {"daily": "day", "weekly": "week", "monthly": "month", None: "total"}


class OwnBudget(NamedTuple):
    """A limit in US dollars per period; `total` is never reset. Only guardrails have a name.

    `include_byok` is whether spend on own provider keys counts.
    """

    limit_usd: float
    period: BudgetPeriod
    name: str
    include_byok: bool


def read_own_budgets(response: Response, rejections: Rejections) -> list[OwnBudget]:
    """Return the budgets of a response. Rows without a limit are not budgets. Raises InvalidResponse."""
    page = read_whole_list(response, "a list of budgets")
    include_byok = Fields(page.fields).flag("include_byok_in_budgets") is True
    budgets = []
    for row in page.rows:
        if not isinstance(row, Mapping):
            rejections.reject("not_an_object", row)
            continue
        fields = Fields(row, rejections.unreadable)
        limit, interval = fields.amount("limit_usd"), fields.text("reset_interval")
        if limit is not None and limit >= 0 and interval in _PERIODS:
            budgets.append(OwnBudget(limit, _PERIODS[interval], fields.text("name") or "", include_byok))
    return budgets
