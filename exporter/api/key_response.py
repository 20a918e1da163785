"""What `GET /key` says of the key that asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from exporter.api.body import read_object
from exporter.api.client import Request
from exporter.api.field_values import FieldReason, UnusableError, flag, moment, number, signed, text
from exporter.api.organization_rows import BYOK_FIELDS, USAGE_FIELDS
from exporter.api.response import Response
from exporter.errors import InvalidResponse

OPERATION = "key"
REQUEST = Request(operation=OPERATION, path="/key", parameters={}, longest_response=64 * 1024)

BudgetRejection = Literal["not_an_object", FieldReason]
BUDGET_REJECTION_REASONS: tuple[BudgetRejection, ...] = get_args(BudgetRejection)

Fields = Mapping[str, Any]


class KeyKind(msgspec.Struct, frozen=True):
    """What kind of key it is, None if the API did not say, and when it expires, as Unix time."""

    is_management: bool | None = None
    expires_at: float | None = None


class Budget(msgspec.Struct, frozen=True):
    """A limit that requests with the key are held to. `id` is that of the budget or guardrail, or empty."""

    scope: str
    id: str
    limit: float | None
    spend: float | None
    remaining: float | None
    resets_at: float | None


class Quota(msgspec.Struct, frozen=True):
    """How many requests to free models the account has on this UTC day."""

    limit: float | None = None
    used: float | None = None
    remaining: float | None = None


class CallingKey(msgspec.Struct, frozen=True):
    """The calling key's use in USD (`USAGE_FIELDS`, then `BYOK_FIELDS`), its own limit, the account's free quota."""

    usage: tuple[float | None, ...]
    limit: float | None
    limit_remaining: float | None
    free_requests: Quota


def described(response: Response) -> Fields:
    """Return the fields that describe a key. Raise InvalidResponse."""
    return read_object(response, "the description of a key")


def kind_of(fields: Fields) -> KeyKind:
    """Return what kind of key it is; `is_provisioning_key` is the old name. Raise InvalidResponse."""
    try:
        new, old = flag(fields, "is_management_key"), flag(fields, "is_provisioning_key")
        return KeyKind(new if new is not None else old, moment(fields, "expires_at"))
    except UnusableError as error:
        raise _invalid(error) from None


def calling_key(fields: Fields) -> CallingKey:
    """Return the key's numbers. Raise InvalidResponse."""
    try:
        free = fields.get("free_model_daily_requests")
        if free is None:
            free = {}
        if not isinstance(free, Mapping):
            raise InvalidResponse("not the description of a key: free_model_daily_requests is no object")
        usage = tuple(number(fields, name) for name in (*USAGE_FIELDS, *BYOK_FIELDS))
        if all(amount is None for amount in usage):  # what is known would vanish, and nobody would be told
            raise InvalidResponse("not the description of a key: expected usage")
        return CallingKey(
            usage=usage,
            limit=number(fields, "limit"),
            limit_remaining=signed(fields, "limit_remaining"),
            free_requests=Quota(number(free, "limit"), number(free, "used"), signed(free, "remaining")),
        )
    except UnusableError as error:
        raise _invalid(error) from None


def listed_budgets(fields: Fields) -> list[Any]:
    """Return the budgets as they came. Raise InvalidResponse if they are no list."""
    found = fields.get("budgets")
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidResponse("not the description of a key: budgets is no list")
    return found


def budget(value: Any) -> Budget | BudgetRejection:
    """Return any JSON value as a budget, or the reason why it can't be one. Its scope may be one not yet known."""
    if not isinstance(value, Mapping):
        return "not_an_object"
    try:
        return Budget(
            scope=text(value, "scope") or "",
            id=text(value, "budget_id") or text(value, "guardrail_id") or "",
            limit=number(value, "limit_usd"),
            spend=number(value, "spend_usd"),
            remaining=signed(value, "remaining_usd"),
            resets_at=moment(value, "resets_at"),
        )
    except UnusableError as error:
        return error.reason


def _invalid(error: UnusableError) -> InvalidResponse:
    return InvalidResponse(f"not the description of a key: {error}")
