"""Accounts, found by the caller's key: generated from a seed, or read from a recording."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from exporter.simulator.attribution import Attribution, attributions_of, select_rows
from exporter.simulator.billing import Billing
from exporter.simulator.http_responses import WINDOW, ActivityQuery, ApiError, Body, days_of
from exporter.simulator.usage import SimulatedAccount, UsageRow

MANAGEMENT_KEY = "sk-or-v1-demo"
ORDINARY_KEY = "sk-or-v1-ordinary"
_CACHED_BODIES = 8


class AccountData(Protocol):
    """The data behind an account's responses."""

    attributions: tuple[Attribution, ...]

    def rows(self, query: ActivityQuery, today: date) -> Sequence[UsageRow | dict[str, Any]]:
        """Return the rows of `/activity`."""

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all rows that a day has by its end."""

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits`."""

    def key(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """Return the body of `/key`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, identified by its seed and its ordinary key, and the key that the request carries."""

    seed: int
    ordinary_key: str
    is_management: bool = field(compare=False)
    label: str = field(compare=False)


def identify(authorization: str | None, seed: int, keys: Mapping[str, int]) -> Caller:
    """Return the caller who sent this `Authorization` header. Raise ApiError with the API's 401."""
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


class SeededAccount:
    """An account generated from a seed."""

    def __init__(self, caller: Caller, endpoints: int, *, dense: bool | None, started: date) -> None:
        self._account = SimulatedAccount(caller.seed, endpoints, dense=dense)
        self._billing = Billing(self.rows_of_day, started - 2 * WINDOW)
        self.attributions = attributions_of(caller.seed, caller.ordinary_key)

    def rows(self, query: ActivityQuery, today: date) -> list[UsageRow]:
        """Return the rows of `/activity`, the newest day first."""
        chosen = query.filter
        # What unknown values do is not documented. Here an unused key has no rows, as in an analytics query, and a
        # member or workspace of another account is not found.
        if chosen.user_id not in (None, *(owner.user_id for owner in self.attributions)):
            raise ApiError(404)
        if chosen.workspace_id not in (None, *(owner.workspace_id for owner in self.attributions)):
            raise ApiError(404)
        days = days_of(query, today)
        return [row for day in days for row in select_rows(self.rows_of_day(day), self.attributions, chosen)]

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all rows that a day has by its end."""
        return self._account.rows_of_day(day)

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits`."""
        return self._billing.credits(now)

    def key(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """Return the body of `/key`."""
        if caller.is_management:
            return self._billing.management_key(caller.label, now)
        return self._billing.ordinary_key(caller.label, self.attributions[0], now)


class BodyCache:
    """The last bodies of `/activity`, so that a repeated request costs only a write."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[tuple[Caller, ActivityQuery, date], Body] = OrderedDict()

    def activity(self, caller: Caller, query: ActivityQuery, today: date, account: AccountData) -> Body:
        """Return the body, made on the first request."""
        request = (caller, query, today)
        if request not in self._bodies:
            self._bodies[request] = Body(msgspec.json.encode({"data": account.rows(query, today)}))
            while len(self._bodies) > _CACHED_BODIES:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(request)
        return self._bodies[request]
