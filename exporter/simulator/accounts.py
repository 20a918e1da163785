"""Whose data is answered: a key's account, made from a seed or read from a recording."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from exporter.simulator.attribution import Slice, select, slices_of
from exporter.simulator.billing import Ledger
from exporter.simulator.http_responses import WINDOW, ApiError, Body, Query, days_of
from exporter.simulator.usage import SimulatedAccount, UsageRow

MANAGEMENT_KEY = "sk-or-v1-demo"
ORDINARY_KEY = "sk-or-v1-ordinary"
_KEPT_BODIES = 8


class World(Protocol):
    """What an account has to answer."""

    slices: tuple[Slice, ...]

    def rows(self, query: Query, today: date) -> Sequence[UsageRow | dict[str, Any]]:
        """Return the rows of `/activity`."""

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all that a day brings by its end."""

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits`."""

    def key(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """Return the body of `/key`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account, known by its seed and its ordinary key, through one of its keys."""

    seed: int
    ordinary_key: str
    is_management: bool = field(compare=False)
    label: str = field(compare=False)


def identify(authorization: str | None, seed: int, keys: Mapping[str, int]) -> Caller:
    """Return who sent this `Authorization` header, or raise the API's 401."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401)
    label = f"{key[:12]}...{key[-3:]}"
    if key in keys:
        return Caller(keys[key], f"{ORDINARY_KEY}/{keys[key]}", is_management=True, label=label)
    for prefix in (MANAGEMENT_KEY, ORDINARY_KEY):
        suffix = key.removeprefix(prefix)
        if key == prefix or (key.startswith(prefix) and suffix.startswith("-") and suffix != "-"):
            account = seed_of_account(seed, suffix.removeprefix("-"))
            return Caller(account, ORDINARY_KEY + suffix, is_management=prefix == MANAGEMENT_KEY, label=label)
    raise ApiError(401, "User not found")


def seed_of_account(seed: int, suffix: str) -> int:
    """Return the seed of the account behind `sk-or-v1-demo-<suffix>`; without a suffix it is the simulator's own."""
    if not suffix:
        return seed
    return int.from_bytes(blake2b(f"{seed}:{suffix}".encode(), digest_size=6).digest(), "big")


class SeededWorld:
    """An account made from a seed."""

    def __init__(self, caller: Caller, endpoints: int, *, dense: bool | None, started: date) -> None:
        self._account = SimulatedAccount(caller.seed, endpoints, dense=dense)
        self.slices = slices_of(caller.seed, caller.ordinary_key)
        self._ledger = Ledger(self._account.rows_of_day, started - 2 * WINDOW)

    def rows(self, query: Query, today: date) -> list[UsageRow]:
        """Return the rows of `/activity`, the newest day first."""
        chosen = query.selection
        # Nothing says what unknown values bring: a key that was never used has no rows, as an analytics query
        # answers too; a member or a workspace that isn't the account's can't be found.
        if chosen.user_id not in (None, *(part.user_id for part in self.slices)):
            raise ApiError(404)
        if chosen.workspace_id not in (None, *(part.workspace_id for part in self.slices)):
            raise ApiError(404)
        days = days_of(query, today)
        return [row for day in days for row in select(self._account.rows_of_day(day), self.slices, chosen)]

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all that a day brings by its end."""
        return self._account.rows_of_day(day)

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits`."""
        return self._ledger.credits(now)

    def key(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """Return the body of `/key`."""
        if caller.is_management:
            return self._ledger.management_key(caller.label, now)
        return self._ledger.ordinary_key(caller.label, self.slices[0], now)


class BodyCache:
    """The last bodies of `/activity`, so that answering again costs a write."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[tuple[Caller, Query, date], Body] = OrderedDict()

    def activity(self, caller: Caller, query: Query, today: date, world: World) -> Body:
        """Return the body, made if it isn't there yet."""
        place = (caller, query, today)
        if place not in self._bodies:
            self._bodies[place] = Body(msgspec.json.encode({"data": world.rows(query, today)}))
            while len(self._bodies) > _KEPT_BODIES:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(place)
        return self._bodies[place]
