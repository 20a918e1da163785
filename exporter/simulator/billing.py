"""What `GET /credits` and `GET /key` answer: sums of the same rows that `GET /activity` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from exporter.simulator.attribution import Slice, parts_of
from exporter.simulator.usage import UsageRow, usd

_DAY = timedelta(days=1)
_TOP_UP_USD = 1000  # credits are bought in these steps
_TOP_UPS_AHEAD = 3  # so many of them are left when the next is bought: weeks of what an account spends
_KEY_LIMIT_USD = 20_000.0
_FREE_REQUESTS_PER_DAY = 1000
_MILLION = 1_000_000


class PeriodSpend(NamedTuple):
    """What was spent in some time, in millionths of a USD, and requests to free models."""

    credits: int = 0
    byok: int = 0
    free_requests: int = 0


class Ledger:
    """An account's spending since it was opened. Days are summed once; the current day grows with the clock."""

    def __init__(self, rows_of_day: Callable[[date], list[UsageRow]], opened: date) -> None:
        self._rows_of_day = rows_of_day
        self._opened = opened
        self._whole: dict[date, PeriodSpend] = {}
        self._first_key: dict[date, PeriodSpend] = {}

    def credits(self, now: datetime) -> dict[str, Any]:
        """Return the body of `/credits` for a management key."""
        return credits_body(self._spent(self._whole, self._opened, now).credits)

    def management_key(self, label: str, now: datetime) -> dict[str, Any]:
        """Return the body of `/key` for a management key, which can't do inference and so spends nothing."""
        free = self._spent(self._whole, now.date(), now).free_requests
        return key_body(label, {}, [], management=True, free=free, workspace_id=None)

    def ordinary_key(self, label: str, part: Slice, now: datetime) -> dict[str, Any]:
        """Return the body of `/key` for the account's ordinary key."""
        today = now.date()
        starts = {
            "": self._opened,
            "_daily": today,
            "_weekly": today - today.weekday() * _DAY,
            "_monthly": today.replace(day=1),
        }
        spent = {suffix: self._spent(self._first_key, start, now) for suffix, start in starts.items()}
        usage = {f"usage{suffix}": usd(spend.credits) for suffix, spend in spent.items()}
        usage |= {f"byok_usage{suffix}": usd(spend.byok) for suffix, spend in spent.items()}
        budget = {
            "scope": "key_limit",
            "limit_usd": _KEY_LIMIT_USD,
            "spend_usd": usage["usage_monthly"],
            "remaining_usd": round(_KEY_LIMIT_USD - usage["usage_monthly"], 6),
            "reset_interval": "monthly",
            "resets_at": _next_month(today),
            "include_byok": False,
            "budget_id": None,
            "guardrail_id": None,
        }
        free = self._spent(self._whole, today, now).free_requests
        return key_body(label, usage, [budget], management=False, free=free, workspace_id=part.workspace_id)

    def _spent(self, book: dict[date, PeriodSpend], first: date, now: datetime) -> PeriodSpend:
        total = [0, 0, 0]
        for day in _days(min(first, now.date()), now.date()):
            for place, amount in enumerate(self._entry(book, day)):
                total[place] += amount
        elapsed = (now - datetime(now.year, now.month, now.day, tzinfo=UTC)) / _DAY
        for place, amount in enumerate(self._entry(book, now.date())):
            total[place] += int(amount * elapsed)
        return PeriodSpend(*total)

    def _entry(self, book: dict[date, PeriodSpend], day: date) -> PeriodSpend:
        if day not in book:
            rows = self._rows_of_day(day)
            if book is self._first_key:
                rows = [part for part in (parts_of(row)[0] for row in rows) if part is not None]
            book[day] = _sum(rows)
        return book[day]


def _days(first: date, end: date) -> Iterator[date]:
    while first < end:
        yield first
        first += _DAY


def _sum(rows: list[UsageRow]) -> PeriodSpend:
    return PeriodSpend(
        sum(round(row.usage * _MILLION) for row in rows),
        sum(round(row.byok_usage_inference * _MILLION) for row in rows),
        sum(row.requests for row in rows if row.model.endswith(":free")),
    )


def _next_month(day: date) -> str:
    return f"{(day.replace(day=1) + 32 * _DAY).replace(day=1).isoformat()}T00:00:00.000Z"


def credits_body(spent: int) -> dict[str, Any]:
    """Return the body of `/credits` of an account that spent so many millionths and always bought more in time."""
    used = usd(spent)
    bought = _TOP_UP_USD * (int(used // _TOP_UP_USD) + 1 + _TOP_UPS_AHEAD)
    return {"data": {"total_credits": bought, "total_usage": used}}


def key_body(
    label: str,
    usage: dict[str, float],
    budgets: list[dict[str, Any]],
    *,
    management: bool,
    free: int = 0,
    workspace_id: str | None,
) -> dict[str, Any]:
    """Return the body of `/key`; amounts that are missing from `usage` are 0."""
    names = (f"{kind}{suffix}" for kind in ("usage", "byok_usage") for suffix in ("", "_daily", "_weekly", "_monthly"))
    used = min(free, _FREE_REQUESTS_PER_DAY)
    data = {
        "label": label,
        "limit": budgets[0]["limit_usd"] if budgets else None,
        "limit_remaining": budgets[0]["remaining_usd"] if budgets else None,
        "limit_reset": budgets[0]["reset_interval"] if budgets else None,
        "include_byok_in_limit": False,
        **{name: usage.get(name, 0) for name in names},
        "is_free_tier": False,
        "is_management_key": management,
        "is_provisioning_key": management,
        "creator_user_id": None,
        "organization_id": None,
        "workspace_id": workspace_id,
        "expires_at": None,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
        "allowed_data_regions": ["global"],
        "free_model_daily_requests": {
            "limit": _FREE_REQUESTS_PER_DAY,
            "used": used,
            "remaining": _FREE_REQUESTS_PER_DAY - used,
        },
        "budgets": budgets,
        "effective_budget": budgets[0] if budgets else None,
    }
    return {"data": data}
