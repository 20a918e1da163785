"""Read the response of `GET /key`, which describes the key that the request was made with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from exporter.api.body import read_object
from exporter.api.client import Request
from exporter.api.field_values import Fields
from exporter.api.organization_rows import BYOK_FIELDS, USAGE_FIELDS
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.errors import InvalidResponse

OPERATION = "key"
REQUEST = Request(operation=OPERATION, path="/key", parameters={}, longest_response=64 * 1024)

BUDGET_REJECTION_REASONS = ("not_an_object",)


class KeyKind(msgspec.Struct, frozen=True):
    """Whether a key is a management key, and when it expires (Unix time); None if the API does not report it."""

    is_management: bool | None = None
    expires_at: float | None = None


class KeyBudget(NamedTuple):
    """A limit that applies to requests with the key. `id` is that of the budget or guardrail, or empty."""

    scope: str
    id: str
    limit: float | None
    spend: float | None
    remaining: float | None
    resets_at: float | None


def described(response: Response, unreadable: Counter[str] | None = None) -> Fields:
    """Return the fields that describe a key. Raise InvalidResponse."""
    fields = read_object(response, "the description of a key")
    return Fields(fields, Counter() if unreadable is None else unreadable)


def kind_of(fields: Fields) -> KeyKind:
    """Return the kind of a key. `is_provisioning_key` is the old name of `is_management_key`."""
    new, old = fields.flag("is_management_key"), fields.flag("is_provisioning_key")
    return KeyKind(new if new is not None else old, fields.time("expires_at"))


def usage(fields: Fields) -> tuple[float | None, ...]:
    """Return the key's use in USD (`USAGE_FIELDS`, then `BYOK_FIELDS`). Raise InvalidResponse if none is known."""
    amounts = tuple(map(fields.amount, (*USAGE_FIELDS, *BYOK_FIELDS)))
    if all(amount is None for amount in amounts):  # publishing that would silently remove what is known
        raise InvalidResponse("not the description of a key: expected usage")
    return amounts


def budgets(fields: Fields, rejections: Rejections) -> list[KeyBudget]:
    """Return the budgets; any that is not an object is rejected. Raise InvalidResponse if they are not a list."""
    listed = fields.values.get("budgets")
    if listed is not None and not isinstance(listed, list):
        raise InvalidResponse("not the description of a key: expected budgets to be a list")
    return [budget for value in listed or () if (budget := _budget(value, rejections)) is not None]


def effective_budget(fields: Fields, rejections: Rejections) -> KeyBudget | None:
    """Return the budget that stops the key first, None if the API names none."""
    value = fields.values.get("effective_budget")
    return None if value is None else _budget(value, rejections)


def _budget(value: Any, rejections: Rejections) -> KeyBudget | None:
    if not isinstance(value, Mapping):
        rejections.reject("not_an_object", value)
        return None
    fields = Fields(value, rejections.unreadable)
    limit, remaining = fields.limit("limit_usd", "remaining_usd")
    return KeyBudget(
        scope=fields.text("scope") or "",  # may be one not yet known
        id=fields.text("budget_id") or fields.text("guardrail_id") or "",
        limit=limit,
        spend=fields.amount("spend_usd"),
        remaining=remaining,
        resets_at=fields.time("resets_at"),
    )
