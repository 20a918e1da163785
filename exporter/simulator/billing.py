"""The bodies of `GET /credits`, `GET /key` and `GET /keys`: sums of the rows that `GET /activity` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from exporter.simulator.attribution import Attribution, split_row
from exporter.simulator.usage import UsageRow, usd

_DAY = timedelta(days=1)
_TOP_UP_USD = 1000  # credits are bought in these steps
_TOP_UPS_AHEAD = 3  # so many of them are left when the next is bought: weeks of what an account spends
_FREE_REQUESTS_PER_DAY = 1000
_MILLION = 1_000_000
_WHOLE_ACCOUNT = -1

# By number of the attribution. Names are not unique: two keys share one.
_KEY_NAMES = ("production", "staging", "batch", "staging")
_WORKSPACE_NAMES = ("Default", "Research", "Customers")
_MEMBER_NAMES = ("Ada", "Grace", "Alan")

Reset = Literal["daily", "weekly", "monthly"]
_PERIODS: dict[Reset | None, str] = {None: "", "daily": "_daily", "weekly": "_weekly", "monthly": "_monthly"}
# Limits and their reset of the first keys; further ones have none. The first is the ordinary key's.
LIMITS: tuple[tuple[float | None, Reset | None], ...] = (
    (20_000.0, "monthly"),
    (None, None),
    (2_000.0, "weekly"),
    (60.0, "daily"),
    (50.0, None),
)


class Spend(NamedTuple):
    """Millionths of a USD paid in credits and to providers directly, and requests to free models."""

    credits: int = 0
    byok: int = 0
    free_requests: int = 0

    def plus(self, other: Spend, share: float = 1.0) -> Spend:
        """Return the sum of this and a share of the other."""
        return Spend(*(ours + int(theirs * share) for ours, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedKey:
    """An API key. `part` is the number of the attribution it spends for; None is never used."""

    hash: str
    name: str
    workspace_id: str
    creator_user_id: str
    created: datetime
    part: int | None
    disabled: bool
    limit: float | None
    reset: Reset | None
    expires: datetime | None

    def is_expired(self, now: datetime) -> bool:
        """Return whether the key has expired."""
        return self.expires is not None and self.expires <= now


class Billing:
    """An account's spend since it was opened. Days are summed once; the current day grows with the clock."""

    def __init__(self, rows_of_day: Callable[[date], Sequence[UsageRow]], opened: date) -> None:
        self._rows_of_day = rows_of_day
        self._opened = opened
        self._days: dict[date, dict[int, Spend]] = {}

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits` for a management key."""
        return credits_body(self._spent(_WHOLE_ACCOUNT, self._opened, now).credits)

    def calling_key(self, label: str, owner: Attribution | None, now: datetime, *, management: bool) -> dict[str, Any]:
        """Return the body of `/key` for the account's first key, or without an owner for a key that spends nothing."""
        limit, reset = (None, None) if owner is None else LIMITS[0]
        spending = self._spending(None if owner is None else 0, limit, reset, now)
        budgets: list[dict[str, Any]] = []
        if limit is not None:
            budgets = [
                {
                    "scope": "key_limit",
                    "limit_usd": limit,
                    "spend_usd": spending[f"usage{_PERIODS[reset]}"],
                    "remaining_usd": spending["limit_remaining"],
                    "reset_interval": reset,
                    "resets_at": _next_month(now.date()),
                    "include_byok": False,
                    "budget_id": None,
                    "guardrail_id": None,
                }
            ]
        free = min(self._spent(_WHOLE_ACCOUNT, now.date(), now).free_requests, _FREE_REQUESTS_PER_DAY)
        left = _FREE_REQUESTS_PER_DAY - free
        data = {
            "label": label,
            **spending,
            "is_free_tier": False,
            "is_management_key": management,
            "is_provisioning_key": management,
            "creator_user_id": None,
            "organization_id": None,
            "workspace_id": None if owner is None else owner.workspace_id,
            "expires_at": None,
            "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
            "allowed_data_regions": ["global"],
            "free_model_daily_requests": {"limit": _FREE_REQUESTS_PER_DAY, "used": free, "remaining": left},
            "budgets": budgets,
            "effective_budget": budgets[0] if budgets else None,
        }
        return {"data": data}

    def key_row(self, key: SimulatedKey, now: datetime) -> dict[str, Any]:
        """Return a key's row of `/keys`."""
        spending = self._spending(key.part, key.limit, key.reset, now)
        return {
            "hash": key.hash,
            "name": key.name,
            "label": f"sk-or-v1-{key.hash[:3]}...{key.hash[-3:]}",
            "disabled": key.disabled,
            **spending,
            "created_at": _timestamp(key.created),
            "updated_at": None,
            "expires_at": None if key.expires is None else _timestamp(key.expires),
            "creator_user_id": key.creator_user_id,
            "workspace_id": key.workspace_id,
            "external_user": None,
            "last_used_at": _timestamp(now.replace(second=0, microsecond=0)) if spending["usage"] else None,
        }

    def _spending(self, part: int | None, limit: float | None, reset: Reset | None, now: datetime) -> dict[str, Any]:
        """Return the fields of a key's limit and of what it used in each period."""
        today = now.date()
        starts = (self._opened, today, today - today.weekday() * _DAY, today.replace(day=1))
        spent = {suffix: self._spent(part, start, now) for suffix, start in zip(_PERIODS.values(), starts, strict=True)}
        usage = {f"usage{suffix}": usd(spend.credits) for suffix, spend in spent.items()}
        usage |= {f"byok_usage{suffix}": usd(spend.byok) for suffix, spend in spent.items()}
        remaining = None if limit is None else round(limit - usage[f"usage{_PERIODS[reset]}"], 6)
        limits = {"limit": limit, "limit_remaining": remaining, "limit_reset": reset, "include_byok_in_limit": False}
        return limits | usage

    def _spent(self, part: int | None, first: date, now: datetime) -> Spend:
        total, today = Spend(), now.date()
        if part is None:
            return total
        for back in range((today - first).days, 0, -1):
            total = total.plus(self._of_day(today - back * _DAY).get(part, Spend()))
        elapsed = (now - datetime(today.year, today.month, today.day, tzinfo=UTC)) / _DAY
        return total.plus(self._of_day(today).get(part, Spend()), elapsed)

    def _of_day(self, day: date) -> dict[int, Spend]:
        if day not in self._days:
            spends: dict[int, Spend] = {}
            for row in self._rows_of_day(day):
                for number, part in (*enumerate(split_row(row)), (_WHOLE_ACCOUNT, row)):
                    if part is not None:
                        spends[number] = spends.get(number, Spend()).plus(_spend_of(part))
            self._days[day] = spends
        return self._days[day]


def key_name(number: int) -> str:
    """Return the name of the key of an attribution."""
    return _KEY_NAMES[number % len(_KEY_NAMES)]


def workspace_name(number: int) -> str:
    """Return the name of an account's workspace, by its number in the order of the attributions."""
    return _WORKSPACE_NAMES[number] if number < len(_WORKSPACE_NAMES) else f"Workspace {number + 1}"


def member_name(number: int) -> str:
    """Return the display name of a member, by its number in the order of the attributions."""
    return _MEMBER_NAMES[number % len(_MEMBER_NAMES)]


def credits_body(spent: int) -> dict[str, Any]:
    """Return the body of `/credits` for an account that spent this many millionths of a USD, and tops up in time."""
    used = usd(spent)
    bought = _TOP_UP_USD * (int(used // _TOP_UP_USD) + 1 + _TOP_UPS_AHEAD)
    return {"data": {"total_credits": bought, "total_usage": used}}


def _spend_of(row: UsageRow) -> Spend:
    paid, byok = round(row.usage * _MILLION), round(row.byok_usage_inference * _MILLION)
    return Spend(paid, byok, row.requests if row.model.endswith(":free") else 0)


def _next_month(day: date) -> str:
    return f"{(day.replace(day=1) + 32 * _DAY).replace(day=1).isoformat()}T00:00:00.000Z"


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
