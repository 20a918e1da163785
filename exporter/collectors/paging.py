"""Whole lists of workspaces, keys and members: page by page, all or nothing.

The API counts rows from the newest one, so a key that is created or deleted during a poll shifts the rows of later
pages. Pages therefore overlap by one row. If a page lacks the last row of the page before, or has new rows in front of
it, rows were deleted or reordered and some may have been skipped: then the list is read again from the start.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from exporter.api.body import Page, read_page
from exporter.api.client import Request
from exporter.api.organization_rows import KeyRejection, KeyRow, Member, Workspace, key_row, member, workspace
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.base import Poll
from exporter.collectors.constants import SHORT_HASH
from exporter.errors import InvalidResponse, ListChanged, StatusError

T = TypeVar("T")

WORKSPACES, KEYS, MEMBERS = "workspaces", "keys", "members"

PAGE_SIZE = 100
LONGEST_PAGE = 1024 * 1024  # decoded in one go; a hundred rows are a tenth of it
MOST_PAGES = 1000  # of one list: an API that returns the same page again and again must not be read for ever
MOST_BEGINNINGS = 3
NOT_LISTED = (403, 404)


@dataclass(frozen=True, slots=True, kw_only=True)
class _List(Generic[T]):
    """A list of the API: where it is, which field identifies a row, and the function that reads a row or rejects it."""

    operation: str
    path: str
    identity: str
    read: Callable[[Any, Counter[str]], T | KeyRejection]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Reading(Generic[T]):
    """Rows of a list by identity, in order; None is a rejected row.

    `has_shifted` means that rows were inserted while the list was read.
    """

    rows: dict[str, T | None] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)
    has_shifted: bool = False


# These two have pages of 50 unless more is requested; the list of keys always has pages of 100.
_COUNTED = {"limit": str(PAGE_SIZE)}
_WORKSPACES = _List(operation=WORKSPACES, path="/workspaces", identity="id", read=workspace, parameters=_COUNTED)
_MEMBERS = _List(operation=MEMBERS, path="/organization/members", identity="id", read=member, parameters=_COUNTED)


async def workspaces(poll: Poll) -> list[Workspace]:
    """Return the account's workspaces, none if the API does not list them for this key. Raises PollError."""
    try:
        listed = await _whole(poll, _WORKSPACES)
    except StatusError as error:
        if error.status in NOT_LISTED:
            return []
        raise
    if not listed:
        with poll.reading(WORKSPACES):
            raise InvalidResponse("not a list of workspaces: it is empty, but every account has a default workspace")
    return listed


async def members(poll: Poll) -> list[Member]:
    """Return the organization's members. Raises PollError: also for an account that is not an organization (404)."""
    return await _whole(poll, _MEMBERS)


async def keys(
    poll: Poll,
    *,
    include_disabled: bool = True,
    include_expired: bool = True,
    within: Iterable[Workspace] | None = None,
) -> list[KeyRow]:
    """Return the keys of all workspaces, or of those given, each once.

    Keys that can't be read are counted in `poll.rejections` (KEY_REJECTION_REASONS) and left out. Raises PollError.
    """
    # JSON's booleans, as query parameters.
    wanted = {"include_disabled": str(include_disabled).lower(), "include_expired": str(include_expired).lower()}
    owners = await workspaces(poll) if within is None else within
    listed: dict[str, KeyRow] = {}
    # Without a workspace, the API lists the keys of the default one: that needs no list of workspaces.
    for of_owner in [{"workspace_id": owner.id} for owner in owners] or [{}]:
        of_workspace = _List(operation=KEYS, path="/keys", identity="hash", read=key_row, parameters=wanted | of_owner)
        for row in await _whole(poll, of_workspace):
            listed.setdefault(row.hash, row)
    return list(listed.values())


def key_labels(hashes: Iterable[str]) -> dict[str, str]:
    """Return each key's label by its hash: the first 12 digits, or all of them if another hash begins with the same."""
    alike: dict[str, set[str]] = {}
    for hash_ in hashes:
        alike.setdefault(key_label(hash_), set()).add(hash_)
    return {hash_: short if len(group) == 1 else hash_ for short, group in alike.items() for hash_ in group}


def key_label(hash_: str) -> str:
    """Return the short, stable part of a key's hash."""
    return hash_[:SHORT_HASH]


async def _whole(poll: Poll, wanted: _List[T]) -> list[T]:
    """Return all rows of a list, each once. Rows that are rejected are counted in `poll.rejections`.

    Rows that were inserted while pages were read may have moved from a later page to one already read. So the list is
    read again, until that adds nothing.
    """
    rows: dict[str, T | None] = {}
    reading: _Reading[T] | None = None
    for _ in range(MOST_BEGINNINGS):
        reading = await _once(poll, wanted)
        before, rows = rows, {}
        if reading is not None:
            rows = reading.rows | {name: row for name, row in before.items() if name not in reading.rows}
            if not reading.has_shifted or (before and len(rows) == len(before)):
                break
    if reading is None:
        raise ListChanged(f"the list of {wanted.operation} changed while it was read, {MOST_BEGINNINGS} times over")
    poll.rejections.update(reading.rejections)
    return [row for row in rows.values() if row is not None]


async def _once(poll: Poll, wanted: _List[T]) -> _Reading[T] | None:
    """Return a list's rows, each once and in order; None if some may be missing."""
    reading: _Reading[T] = _Reading()
    offset, last = 0, ""
    for _ in range(MOST_PAGES):
        response = await poll.request(
            Request(
                operation=wanted.operation,
                path=wanted.path,
                parameters={**wanted.parameters, "offset": str(offset)},
                longest_response=LONGEST_PAGE,
            )
        )
        with poll.reading(wanted.operation):
            page, names, new = await _take(poll.pause, response, wanted, reading)
        if offset and (last not in names or not new.isdisjoint(names[: names.index(last)])):
            return None
        reading.has_shifted |= bool(offset) and names[0] != last
        if _is_last(page, len(reading.rows)):
            return reading
        if not new:
            return None
        offset, last = offset + len(names) - 1, names[-1]
    raise InvalidResponse(f"the list of {wanted.operation} has more than {MOST_PAGES} pages")


def _is_last(page: Page, rows: int) -> bool:
    """Return whether a page ends its list.

    If the API counts, its count decides, whatever the size of its pages. But a page that is exactly full is more often
    cut off than the last one, and the count may be that of the page.
    """
    if page.more is not None:
        return False
    size = len(page.rows)
    return size < PAGE_SIZE if math.isnan(page.total) else size != PAGE_SIZE and rows >= page.total


async def _take(
    pause: Pause, response: Response, wanted: _List[T], reading: _Reading[T]
) -> tuple[Page, list[str], set[str]]:
    """Add a page's rows to those read; return it, what identifies its rows, and which of them are new."""
    page = read_page(response, f"a list of {wanted.operation}")
    names: list[str] = []
    new: set[str] = set()
    for row in page.rows:
        await pause()
        name = _identity(row, wanted.identity)
        names.append(name)
        if name not in reading.rows:
            value = wanted.read(row, reading.rejections.unreadable)
            if isinstance(value, str):
                reading.rejections.reject(value, row)
            reading.rows[name] = None if isinstance(value, str) else value
            new.add(name)
    return page, names, new


def _identity(row: Any, name: str) -> str:
    """Return what identifies a row: its identifier, or all of its content if it has none."""
    value = row.get(name) if isinstance(row, Mapping) else None
    return value if isinstance(value, str) else json.dumps(row, sort_keys=True)
