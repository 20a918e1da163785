"""Rows of `GET /keys`, `GET /workspaces` and `GET /organization/members` as the API really sends them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from exporter.api.field_values import Fields
from exporter.errors import InvalidResponse

KeyRejection = Literal["not_an_object", "missing_hash", "invalid_hash"]
KEY_REJECTION_REASONS: tuple[KeyRejection, ...] = get_args(KeyRejection)

# The API promises 64 digits. Labels need at least 12 of them.
_HASH = re.compile(r"[0-9a-fA-F]{12,512}")

# Fields of `GET /keys` and `GET /key`: in total, on this UTC day, in this week from Monday on, in this month.
USAGE_FIELDS = ("usage", "usage_daily", "usage_weekly", "usage_monthly")
BYOK_FIELDS = tuple(f"byok_{name}" for name in USAGE_FIELDS)


class Workspace(msgspec.Struct, frozen=True, gc=False):
    """A workspace; `name` and `slug` are empty if the API does not report them."""

    id: str
    name: str
    slug: str = ""


class Member(msgspec.Struct, frozen=True, gc=False):
    """A member of an organization. All fields but `id` and `role` are personal data."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: str | None = None

    @property
    def full_name(self) -> str:
        """First and last name, as far as they are known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


class KeyRow(msgspec.Struct, frozen=True, gc=False):
    """One key. `usage` holds the amounts of `USAGE_FIELDS` and `BYOK_FIELDS` in USD; times are Unix time.

    None means that the API reports nothing: no limit, no expiry, never used.
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


def key_row(value: Any, unreadable: Counter[str]) -> KeyRow | KeyRejection:
    """Return any JSON value as a key, or the reason why it is not one. Fields without a usable value are counted."""
    if not isinstance(value, Mapping):
        return "not_an_object"
    hash_ = value.get("hash")
    if hash_ is None:
        return "missing_hash"
    if not isinstance(hash_, str) or not _HASH.fullmatch(hash_):
        return "invalid_hash"
    fields = Fields(value, unreadable)
    limit, remaining = fields.limit("limit", "limit_remaining")
    return KeyRow(
        hash=hash_,
        usage=tuple(map(fields.amount, (*USAGE_FIELDS, *BYOK_FIELDS))),
        name=fields.text("name"),
        label=fields.text("label"),
        workspace_id=fields.text("workspace_id"),
        creator_user_id=fields.text("creator_user_id"),
        disabled=fields.flag("disabled"),
        limit=limit,
        limit_remaining=remaining,
        limit_reset=fields.text("limit_reset"),
        expires_at=fields.time("expires_at"),
        last_used_at=fields.time("last_used_at"),
    )


def workspace(value: Any, unreadable: Counter[str]) -> Workspace:
    """Return any JSON value as a workspace. Raise InvalidResponse if it has no ID: its keys would be missing."""
    fields = _with_id(value, "a workspace", unreadable)
    return Workspace(value["id"], fields.text("name") or "", fields.text("slug") or "")


def member(value: Any, unreadable: Counter[str]) -> Member:
    """Return any JSON value as a member. Raise InvalidResponse if it has no ID: their usage would be missing."""
    fields = _with_id(value, "a member", unreadable)
    return Member(value["id"], *map(fields.text, Member.__struct_fields__[1:]))


def _with_id(value: Any, what: str, unreadable: Counter[str]) -> Fields:
    if not isinstance(value, Mapping) or not Fields(value).text("id"):
        raise InvalidResponse(f"expected {what} with an id")
    return Fields(value, unreadable)
