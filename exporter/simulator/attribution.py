"""Attribution of usage to keys, members and workspaces, in parts that add up to the whole exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

import msgspec

from exporter.simulator.usage import UsageRow, draws, usd

_COUNTS = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "byok_requests")
_MONEY = ("usage", "byok_usage_inference")
_MILLION = 1_000_000
_EIGHTHS = 8
_MEMBERS = 3

# How an endpoint's use is divided among the attributions, in cumulative eighths. No part is below an eighth, so a row
# of eight requests leaves none with tokens but without requests; a smaller row goes to one attribution whole.
_DIVISIONS = ((0, 3, 4, 7, 8), (0, 8, 8, 8, 8), (0, 0, 0, 8, 8), (0, 2, 6, 7, 8), (0, 0, 5, 5, 8))


@dataclass(frozen=True, slots=True)
class Attribution:
    """One key, the workspace it belongs to and the member who uses it."""

    workspace_id: str
    api_key_hash: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which part of an account's use to return; None does not filter."""

    api_key_hash: str | None = None
    user_id: str | None = None
    workspace_id: str | None = None
    by_workspace: bool = False

    def matches(self, attribution: Attribution) -> bool:
        """Return whether an attribution passes the filter."""
        return (
            self.api_key_hash in (None, attribution.api_key_hash)
            and self.user_id in (None, attribution.user_id)
            and self.workspace_id in (None, attribution.workspace_id)
        )


def key_hash(key: str) -> str:
    """Return the hash by which the API identifies a key."""
    return sha256(key.encode()).hexdigest()


def attributions_of(seed: int, ordinary_key: str) -> tuple[Attribution, ...]:
    """Return an account's attributions, the first one of the ordinary key, in the default workspace."""
    workspaces = [str(uuid5(NAMESPACE_URL, f"workspace/{seed}/{number}")) for number in range(3)]
    members = [f"user_{key_hash(f'member/{seed}/{number}')[:27]}" for number in range(_MEMBERS)]
    keys = [key_hash(ordinary_key), *(key_hash(f"{ordinary_key}/{seed}/{number}") for number in range(1, 4))]
    return (
        Attribution(workspaces[0], keys[0], members[0]),
        Attribution(workspaces[0], keys[1], members[1]),
        Attribution(workspaces[1], keys[2], members[1]),
        Attribution(workspaces[2], keys[3], members[2]),
    )


def split_row(row: UsageRow) -> list[UsageRow | None]:
    """Divide a row among the attributions; the parts' numbers add up to the row's exactly."""
    return [_part(row, [share]) if share else None for share in _shares(row)]


def select_rows(
    rows: Iterable[UsageRow], attributions: tuple[Attribution, ...], selection: ActivityFilter
) -> Iterator[UsageRow]:
    """Yield the selected part of each row: one row for each, or one per workspace."""
    if selection == ActivityFilter():
        yield from rows
        return
    groups: dict[str, list[int]] = {}
    for number, attribution in enumerate(attributions):
        if selection.matches(attribution):
            groups.setdefault(attribution.workspace_id if selection.by_workspace else "", []).append(number)
    for row in rows:
        shares = _shares(row)
        for workspace_id, numbers in groups.items():
            selected = [shares[number] for number in numbers if shares[number]]
            if selected:
                yield msgspec.structs.replace(_part(row, selected), workspace_id=workspace_id or msgspec.UNSET)


def _shares(row: UsageRow) -> list[range]:
    """Return the eighths of a row that each attribution has."""
    choice = draws("division", row.endpoint_id)
    bounds = _DIVISIONS[int(choice[0] * len(_DIVISIONS))]
    if row.requests < _EIGHTHS:
        home = int(choice[1] * (len(bounds) - 1))
        return [range(_EIGHTHS if number == home else 0) for number in range(len(bounds) - 1)]
    return [range(low, high) for low, high in pairwise(bounds)]


def _part(row: UsageRow, shares: list[range]) -> UsageRow:
    def part(total: int) -> int:
        return sum(total * share.stop // _EIGHTHS - total * share.start // _EIGHTHS for share in shares)

    numbers: dict[str, float] = {name: part(getattr(row, name)) for name in _COUNTS}
    numbers |= {name: usd(part(round(getattr(row, name) * _MILLION))) for name in _MONEY}
    return msgspec.structs.replace(row, **numbers)
