"""Who within an account used what: keys, members and workspaces, as parts that add up to the whole exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

import msgspec

from exporter.simulator.usage import UsageRow, draws, usd

_COUNTS = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
_MONEY = ("usage", "byok_usage_inference")
_MILLION = 1_000_000
_EIGHTHS = 8
_MEMBERS = 3

# How an endpoint's use is divided among the slices, in eighths summed up. No part is below an eighth, so a row of
# eight requests leaves none with tokens but without requests; a smaller row goes to one slice whole.
_DIVISIONS = ((0, 3, 4, 7, 8), (0, 8, 8, 8, 8), (0, 0, 0, 8, 8), (0, 2, 6, 7, 8), (0, 0, 5, 5, 8))


@dataclass(frozen=True, slots=True)
class Slice:
    """What one key did: it belongs to a workspace and was used by one member."""

    workspace_id: str
    api_key_hash: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of an account's use an answer is about; None asks for everything."""

    api_key_hash: str | None = None
    user_id: str | None = None
    workspace_id: str | None = None
    by_workspace: bool = False

    @property
    def is_everything(self) -> bool:
        """Say whether rows are wanted as they are."""
        return self == Selection()

    def takes(self, part: Slice) -> bool:
        """Say whether a slice is asked for."""
        return (
            self.api_key_hash in (None, part.api_key_hash)
            and self.user_id in (None, part.user_id)
            and self.workspace_id in (None, part.workspace_id)
        )


def key_hash(key: str) -> str:
    """Return the hash under which the API knows a key."""
    return sha256(key.encode()).hexdigest()


def slices_of(seed: int, ordinary_key: str) -> tuple[Slice, ...]:
    """Return an account's slices, the first one the ordinary key's, in the default workspace."""
    workspaces = [str(uuid5(NAMESPACE_URL, f"workspace/{seed}/{number}")) for number in range(3)]
    members = [f"user_{key_hash(f'member/{seed}/{number}')[:27]}" for number in range(_MEMBERS)]
    keys = [key_hash(ordinary_key), *(key_hash(f"{ordinary_key}/{seed}/{number}") for number in range(1, 4))]
    return (
        Slice(workspaces[0], keys[0], members[0]),
        Slice(workspaces[0], keys[1], members[1]),
        Slice(workspaces[1], keys[2], members[1]),
        Slice(workspaces[2], keys[3], members[2]),
    )


def parts_of(row: UsageRow) -> list[UsageRow | None]:
    """Divide a row among the slices; the parts' numbers add up to the row's exactly."""
    choice = draws("division", row.endpoint_id)
    bounds = _DIVISIONS[int(choice[0] * len(_DIVISIONS))]
    if row.requests < _EIGHTHS:
        home = int(choice[1] * (len(bounds) - 1))
        return [row if number == home else None for number in range(len(bounds) - 1)]
    return [_part(row, low, high) if high > low else None for low, high in pairwise(bounds)]


def select(rows: Iterable[UsageRow], slices: tuple[Slice, ...], selection: Selection) -> Iterator[UsageRow]:
    """Yield the rows of a selection: one per row, or one per row and workspace."""
    if selection.is_everything:
        yield from rows
        return
    groups: dict[str, list[int]] = {}
    for number, part in enumerate(slices):
        if selection.takes(part):
            groups.setdefault(part.workspace_id if selection.by_workspace else "", []).append(number)
    for row in rows:
        parts = parts_of(row)
        for workspace_id, numbers in groups.items():
            taken = [part for part in (parts[number] for number in numbers) if part is not None]
            if taken:
                yield _joined(taken, workspace_id or msgspec.UNSET)


def _part(row: UsageRow, low: int, high: int) -> UsageRow:
    numbers: dict[str, float] = {name: _share(getattr(row, name), low, high) for name in _COUNTS}
    numbers |= {name: usd(_share(round(getattr(row, name) * _MILLION), low, high)) for name in _MONEY}
    return msgspec.structs.replace(row, **numbers)


def _share(total: int, low: int, high: int) -> int:
    return total * high // _EIGHTHS - total * low // _EIGHTHS


def _joined(parts: list[UsageRow], workspace_id: str | msgspec.UnsetType) -> UsageRow:
    numbers: dict[str, float] = {name: sum(getattr(part, name) for part in parts) for name in _COUNTS}
    numbers |= {name: usd(sum(round(getattr(part, name) * _MILLION) for part in parts)) for name in _MONEY}
    return msgspec.structs.replace(parts[0], **numbers, workspace_id=workspace_id)
