"""Accounts, found by the caller's key: generated from a seed, or read from a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

from exporter.simulator.analytics_usage import AccountUsage
from exporter.simulator.attribution import attributions_of, select_rows
from exporter.simulator.billing import Billing, credits_body
from exporter.simulator.http_responses import ActivityQuery, ApiError
from exporter.simulator.organization import DEFAULT_KEYS, DEFAULT_WORKSPACES, Organization
from exporter.simulator.replay import Recording
from exporter.simulator.usage import SimulatedAccount, UsageRow

MANAGEMENT_KEY = "sk-or-v1-demo"
ORDINARY_KEY = "sk-or-v1-ordinary"


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, identified by its seed and its ordinary key, and the key that the request carries."""

    seed: int
    ordinary_key: str
    is_management: bool = field(compare=False)
    label: str = field(compare=False)


def identify(authorization: str | None, seed: int) -> Caller:
    """Return the caller who sent this `Authorization` header. Raise ApiError with the API's 401."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401)
    label = f"{key[:12]}...{key[-3:]}"
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


class AccountData:
    """The data behind an account's responses.

    A recording covers completed days only, and has no keys or members: of the parameters only `date` filters it.
    """

    def __init__(
        self,
        caller: Caller,
        source: SimulatedAccount | Recording,
        opened: date,
        *,
        keys: int = DEFAULT_KEYS,
        workspaces: int = DEFAULT_WORKSPACES,
    ) -> None:
        self._source = source
        is_recorded = isinstance(source, Recording)
        self.attributions = () if is_recorded else attributions_of(caller.seed, caller.ordinary_key)
        endpoints = 1 if isinstance(source, Recording) else len(source.endpoints)
        self.usage = AccountUsage(self.rows_of_day, self.attributions, endpoints)
        self._billing = Billing(self.rows_of_day, opened)
        self.organization = Organization(
            caller.seed, self.attributions, self._billing, opened, keys=keys, workspaces=workspaces
        )

    def rows(self, query: ActivityQuery, today: date) -> Sequence[UsageRow | dict[str, Any]]:
        """Return the rows of `/activity`: the newest day first, or in the order of the recording."""
        if isinstance(self._source, Recording):
            return self._source.moved_to(today, query.day)
        chosen = query.filter
        # What unknown values do is not documented. Here an unused key has no rows, as in an analytics query, and a
        # member or workspace of another account is not found.
        if chosen.user_id not in (None, *(owner.user_id for owner in self.attributions)):
            raise ApiError(404)
        if chosen.workspace_id not in (None, *(owner.workspace_id for owner in self.attributions)):
            raise ApiError(404)
        days = (self.rows_of_day(day) for day in query.days(today))
        return [row for rows in days for row in select_rows(rows, self.attributions, chosen)]

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all rows that a day has by its end."""
        return [] if isinstance(self._source, Recording) else self._source.rows_of_day(day)

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits`."""
        return credits_body(self._source.spent) if isinstance(self._source, Recording) else self._billing.credits(now)

    def key(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """Return the body of `/key`. A management key cannot do inference, so it spends nothing."""
        owner = None if caller.is_management or not self.attributions else self.attributions[0]
        return self._billing.calling_key(caller.label, owner, now, management=caller.is_management)
