"""Whole lists of workspaces, keys and members: page by page, all or nothing.

The API counts rows from the newest one, so every key that is made or deleted meanwhile moves those of later pages.
So pages overlap by one row: where a page does not hold the last row of the one before, with none but rows read before
in front of it, a deletion or another order has made it skip some, and the list is read anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from exporter.api.body import Page, read_page
from exporter.api.client import Request
from exporter.api.organization_rows import KeyRejection, KeyRow, Member, Workspace, key_row, member, workspace
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.base import Poll
from exporter.errors import InvalidResponse, ListChanged

T = TypeVar("T")

WORKSPACES, KEYS, MEMBERS = "workspaces", "keys", "members"

PAGE_SIZE = 100
LONGEST_PAGE = 1024 * 1024  # decoded in one go; a hundred rows are a tenth of it
MOST_PAGES = 1000  # of one list: an API that answers the same for ever must not be asked for ever
MOST_BEGINNINGS = 3
SHORT_HASH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _List(Generic[T]):
    """A list of the API: where it is, which field tells its rows apart, and what a row is read as."""

    operation: str
    path: str
    identity: str
    read: Callable[[Any], T]
    parameters: Mapping[str, str] = field(default_factory=dict)


# These two have pages of 50 unless more is asked for; the list of keys always has pages of 100.
_COUNTED = {"limit": str(PAGE_SIZE)}
_WORKSPACES = _List(operation=WORKSPACES, path="/workspaces", identity="id", read=workspace, parameters=_COUNTED)
_MEMBERS = _List(operation=MEMBERS, path="/organization/members", identity="id", read=member, parameters=_COUNTED)


async def workspaces(poll: Poll) -> list[Workspace]:
    """Return the account's workspaces. Raises PollError."""
    return await _whole(poll, _WORKSPACES)


async def members(poll: Poll) -> list[Member]:
    """Return the organization's members. Raises PollError: also for an account that is no organization (404)."""
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
    wanted = {"include_disabled": _flag(include_disabled), "include_expired": _flag(include_expired)}
    found: dict[str, KeyRow] = {}
    # Without a workspace the API lists those of the default one, which is all that an account without any has.
    places = [{"workspace_id": each.id} for each in (await workspaces(poll) if within is None else within)] or [{}]
    for place in places:
        for row, value in await _whole(poll, _keys(wanted | place)):
            if isinstance(row, KeyRow):
                found.setdefault(row.hash, row)
            else:
                poll.rejections.reject(row, value)
    return list(found.values())


def _keys(parameters: Mapping[str, str]) -> _List[tuple[KeyRow | KeyRejection, object]]:
    def read(value: object) -> tuple[KeyRow | KeyRejection, object]:
        row = key_row(value)
        return row, None if isinstance(row, KeyRow) else value

    return _List(operation=KEYS, path="/keys", identity="hash", read=read, parameters=parameters)


def key_labels(hashes: Iterable[str]) -> dict[str, str]:
    """Return for each hash what names its key in a label: its first 12 digits, or all where others begin alike."""
    alike: dict[str, set[str]] = {}
    for each in hashes:
        alike.setdefault(key_label(each), set()).add(each)
    return {each: short if len(group) == 1 else each for short, group in alike.items() for each in group}


def key_label(hash_: str) -> str:
    """Return the short, stable part of a key's hash."""
    return hash_[:SHORT_HASH]


async def _whole(poll: Poll, wanted: _List[T]) -> list[T]:
    for _ in range(MOST_BEGINNINGS):
        found = await _once(poll, wanted)
        if found is not None:
            return found
    raise ListChanged(f"the list of {wanted.operation} changed while it was read, {MOST_BEGINNINGS} times over")


async def _once(poll: Poll, wanted: _List[T]) -> list[T] | None:
    """Return a list's rows, each once and in order; None if some may be missing."""
    found: dict[str, T] = {}
    offset, last = 0, ""
    for _ in range(MOST_PAGES):
        answer = await poll.request(
            Request(
                operation=wanted.operation,
                path=wanted.path,
                parameters={**wanted.parameters, "offset": str(offset)},
                longest_response=LONGEST_PAGE,
            )
        )
        known = len(found)
        with poll.reading(wanted.operation):
            got, names, goes_on = await _take(poll.pause, answer, wanted, found, last)
        if offset and not goes_on:
            return None
        if _is_last(got, len(found)):
            return list(found.values())
        if len(found) == known:
            return None
        offset, last = offset + len(got.rows) - 1, names[-1]
    raise InvalidResponse(f"the list of {wanted.operation} goes on after {MOST_PAGES} pages")


def _is_last(got: Page, found: int) -> bool:
    """Return whether a page ends its list.

    Where the API counts, its count says so, whatever the size of its pages; but a page that is just full is more often
    cut off than the last one, and the count may be that of the page.
    """
    rows = len(got.rows)
    return rows < PAGE_SIZE if got.total is None else rows != PAGE_SIZE and found >= got.total


async def _take(
    pause: Pause, answer: Response, wanted: _List[T], found: dict[str, T], last: str
) -> tuple[Page, list[str], bool]:
    """Add a page's rows to those found; return it, what tells its rows apart, and whether it goes on from `last`."""
    got = read_page(answer, f"a list of {wanted.operation}")
    names: list[str] = []
    for row in got.rows:
        await pause()
        names.append(_identity(row, wanted.identity))
    goes_on = last in names and all(name in found for name in names[: names.index(last)])
    for name, row in zip(names, got.rows, strict=True):
        await pause()
        if name not in found:
            found[name] = wanted.read(row)
    return got, names, goes_on


def _identity(row: Any, name: str) -> str:
    """Return what tells a row from others; one that has no name for itself is told by all it says."""
    value = row.get(name) if isinstance(row, Mapping) else None
    return value if isinstance(value, str) else json.dumps(row, sort_keys=True)


def _flag(yes: bool) -> str:  # noqa: FBT001 — a value, not a switch
    return "true" if yes else "false"
