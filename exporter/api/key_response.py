"""Read the response of `GET /key`, which describes the key that the request was made with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.api.body import read_object
from exporter.api.client import Request
from exporter.api.field_values import Fields
from exporter.api.organization_rows import BYOK_FIELDS, USAGE_FIELDS
from exporter.api.response import Response
from exporter.errors import InvalidResponse

OPERATION = "key"
REQUEST = Request(operation=OPERATION, path="/key", parameters={}, longest_response=64 * 1024)

BUDGET_REJECTION_REASONS = ("not_an_object",)


class KeyKind(msgspec.Struct, frozen=True):
    """Whether it is a management key, None if the API does not report it, and when it expires, as Unix time."""

    is_management: bool | None = None
    expires_at: float | None = None


class Budget(msgspec.Struct, frozen=True):
    """A limit that applies to requests with the key. `id` is that of the budget or guardrail, or empty."""

    scope: str
    id: str
    limit: float | None
    spend: float | None
    remaining: float | None
    resets_at: float | None


class Quota(msgspec.Struct, frozen=True):
    """Requests to free models that the account has on this UTC day."""

    limit: float | None = None
    used: float | None = None
    remaining: float | None = None


class CallingKey(msgspec.Struct, frozen=True):
    """The calling key's use in USD (`USAGE_FIELDS`, then `BYOK_FIELDS`), its own limit, the account's free quota."""

    usage: tuple[float | None, ...]
    limit: float | None
    limit_remaining: float | None
    free_requests: Quota


def described(response: Response, unreadable: Counter[str] | None = None) -> Fields:
    """Return the fields that describe a key. Raise InvalidResponse."""
    fields = read_object(response, "the description of a key")
    return Fields(fields, Counter() if unreadable is None else unreadable)


def kind_of(fields: Fields) -> KeyKind:
    """Return what kind of key it is; `is_provisioning_key` is the old name."""
    new, old = fields.flag("is_management_key"), fields.flag("is_provisioning_key")
    return KeyKind(new if new is not None else old, fields.time("expires_at"))


def calling_key(fields: Fields) -> CallingKey:
    """Return the key's numbers. Raise InvalidResponse if none of its amounts is known."""
    usage = tuple(map(fields.amount, (*USAGE_FIELDS, *BYOK_FIELDS)))
    if all(amount is None for amount in usage):  # publishing that would silently remove what is known
        raise InvalidResponse("not the description of a key: expected usage")
    limit, limit_remaining = fields.limit("limit", "limit_remaining")
    quota = fields.object("free_model_daily_requests")
    quota_limit, quota_remaining = quota.limit("limit", "remaining")
    return CallingKey(usage, limit, limit_remaining, Quota(quota_limit, quota.count("used"), quota_remaining))


def listed_budgets(fields: Fields) -> list[Any]:
    """Return the budgets as they came. Raise InvalidResponse if they are not a list."""
    budgets = fields.values.get("budgets")
    if budgets is None:
        return []
    if not isinstance(budgets, list):
        raise InvalidResponse("not the description of a key: expected budgets to be a list")
    return budgets


def budget(value: Any, unreadable: Counter[str]) -> Budget | None:
    """Return any JSON value as a budget, None if it is not an object. Its scope may be one not yet known."""
    if not isinstance(value, Mapping):
        return None
    fields = Fields(value, unreadable)
    limit, remaining = fields.limit("limit_usd", "remaining_usd")
    return Budget(
        scope=fields.text("scope") or "",
        id=fields.text("budget_id") or fields.text("guardrail_id") or "",
        limit=limit,
        spend=fields.amount("spend_usd"),
        remaining=remaining,
        resets_at=fields.time("resets_at"),
    )
