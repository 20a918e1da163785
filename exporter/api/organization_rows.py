"""Rows of `GET /keys`, `GET /workspaces` and `GET /organization/members` as the API really sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from exporter.api.field_values import FieldReason, UnusableError, flag, moment, number, signed, text
from exporter.errors import InvalidResponse

KeyRejection = Literal["not_an_object", "missing_hash", "invalid_hash", FieldReason]
KEY_REJECTION_REASONS: tuple[KeyRejection, ...] = get_args(KeyRejection)

# The API promises 64 digits; fewer than these would not make a label.
_HASH = re.compile(r"[0-9a-fA-F]{12,512}")

# Of `GET /keys` and `GET /key` alike: in all, on this UTC day, in this week from Monday on, in this month.
USAGE_FIELDS = ("usage", "usage_daily", "usage_weekly", "usage_monthly")
BYOK_FIELDS = tuple(f"byok_{name}" for name in USAGE_FIELDS)


class Workspace(msgspec.Struct, frozen=True, gc=False):
    """A workspace; `name` is empty if the API did not say one."""

    id: str
    name: str


class Member(msgspec.Struct, frozen=True, gc=False):
    """A member of an organization. All but `id` and `role` names a person."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: str | None = None


class KeyRow(msgspec.Struct, frozen=True, gc=False):
    """One key. `usage` holds what `USAGE_FIELDS` and then `BYOK_FIELDS` name, in USD; times are Unix time.

    None is "not said": no limit, no expiry, never used.
    """

    hash: str
    usage: tuple[float | None, ...]
    name: str | None = None
    label: str | None = None
    workspace_id: str | None = None
    creator_user_id: str | None = None
    disabled: bool | None = None
    limit: float | None = None
    limit_remaining: float | None = None
    limit_reset: str | None = None
    expires_at: float | None = None
    last_used_at: float | None = None


def key_row(value: Any) -> KeyRow | KeyRejection:
    """Return any JSON value as a key, or the reason why it can't be one."""
    if not isinstance(value, Mapping):
        return "not_an_object"
    hash_ = value.get("hash")
    if hash_ is None:
        return "missing_hash"
    if not isinstance(hash_, str) or not _HASH.fullmatch(hash_):
        return "invalid_hash"
    try:
        return KeyRow(
            hash=hash_,
            usage=tuple(number(value, name) for name in (*USAGE_FIELDS, *BYOK_FIELDS)),
            name=text(value, "name"),
            label=text(value, "label"),
            workspace_id=text(value, "workspace_id"),
            creator_user_id=text(value, "creator_user_id"),
            disabled=flag(value, "disabled"),
            limit=number(value, "limit"),
            limit_remaining=signed(value, "limit_remaining"),
            limit_reset=text(value, "limit_reset"),
            expires_at=moment(value, "expires_at"),
            last_used_at=moment(value, "last_used_at"),
        )
    except UnusableError as error:
        return error.reason


def workspace(value: Any) -> Workspace:
    """Return any JSON value as a workspace. Raise InvalidResponse: without one of them its keys would be missing."""
    found = _fields(value, "a workspace", ("id", "name"))
    return Workspace(found["id"] or "", found["name"] or "")


def member(value: Any) -> Member:
    """Return any JSON value as a member. Raise InvalidResponse: without one of them their use would be missing."""
    found = _fields(value, "a member", Member.__struct_fields__)
    return Member(found["id"] or "", found["email"], found["first_name"], found["last_name"], found["role"])


def _fields(value: Any, what: str, names: tuple[str, ...]) -> dict[str, str | None]:
    if not isinstance(value, Mapping) or not value.get("id"):
        raise InvalidResponse(f"expected {what} with an id")
    try:
        return {name: text(value, name) for name in names}
    except UnusableError as error:
        raise InvalidResponse(f"expected {what}: {error}") from None
