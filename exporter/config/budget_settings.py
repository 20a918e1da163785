"""Budgets: limits on what is spent in a calendar period, by the whole account or by a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from exporter.config.fields import Conflict, Settings
from exporter.config.value_types import decimal_number, text

Period = Literal["day", "week", "month"]
Scope = Literal["workspace", "key", "member", "model"]
SCOPES: tuple[Scope, ...] = ("workspace", "key", "member", "model")

LARGEST_LIMIT = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredBudget(Settings):
    """A budget. Without a scope it covers the whole account."""

    name: Annotated[str, text(), "The label `budget`; each budget of an account has its own."]
    period: Annotated[Period, "Calendar period in UTC; a week begins on Monday."]
    limit_usd: Annotated[
        float, decimal_number(minimum=0, maximum=LARGEST_LIMIT), "What may be spent in one period, in US dollars."
    ]
    counts: Annotated[
        Literal["spend", "credits"], "`spend` includes own provider keys; `credits` is what OpenRouter charges."
    ] = "spend"
    workspace: Annotated[str | None, text(), "Only this workspace: its id, slug or name."] = None
    key: Annotated[str | None, text(), "Only this API key: its hash, the first 12 digits of it, or its name."] = None
    member: Annotated[str | None, text(), "Only this member of the organization: `user_…`."] = None
    model: Annotated[str | None, text(), "Only this model: its slug or permaslug."] = None

    @property
    def scope(self) -> tuple[Scope, str] | None:
        """The part of the account that the budget covers, None for all of it."""
        return next(((scope, value) for scope in SCOPES if (value := getattr(self, scope)) is not None), None)

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if there are several scopes."""
        given = tuple(scope for scope in SCOPES if getattr(self, scope) is not None)
        if len(given) <= 1:
            return ()
        return (Conflict(given, f"a budget has at most one scope; found {' and '.join(given)}"),)
