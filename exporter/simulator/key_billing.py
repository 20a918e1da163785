"""What each key of an account spent, and its row of `GET /keys`: parts of the rows that `GET /activity` shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from exporter.simulator.attribution import parts_of
from exporter.simulator.usage import UsageRow, usd

_DAY = timedelta(days=1)
_MILLION = 1_000_000
_WINDOWS = {"daily": "_daily", "weekly": "_weekly", "monthly": "_monthly", None: ""}

Reset = Literal["daily", "weekly", "monthly"]
_Spends = dict[int, tuple[int, int]]  # by number of the part: millionths in credits, and with own keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyShape:
    """A key as it was made. `part` is the number of the part of each row that is its use; None is never used."""

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
        """Return whether it is of no use any more."""
        return self.expires is not None and self.expires <= now


class KeyBook:
    """An account's spending by key since it was opened. Days are summed once; the current day grows with the clock."""

    def __init__(self, rows_of_day: Callable[[date], Sequence[UsageRow]], opened: date) -> None:
        self._rows_of_day = rows_of_day
        self._opened = opened
        self._days: dict[date, _Spends] = {}

    def row(self, key: KeyShape, now: datetime) -> dict[str, Any]:
        """Return a key as the API lists it."""
        today = now.date()
        starts = {
            "": min(self._opened, today),
            "_daily": today,
            "_weekly": today - today.weekday() * _DAY,
            "_monthly": today.replace(day=1),
        }
        spent = {suffix: self._spent(key.part, start, now) for suffix, start in starts.items()}
        remaining = None if key.limit is None else round(key.limit - usd(spent[_WINDOWS[key.reset]][0]), 6)
        return {
            "hash": key.hash,
            "name": key.name,
            "label": f"sk-or-v1-{key.hash[:3]}...{key.hash[-3:]}",
            "disabled": key.disabled,
            "limit": key.limit,
            "limit_remaining": remaining,
            "limit_reset": key.reset,
            "include_byok_in_limit": False,
            **{f"usage{suffix}": usd(amount) for suffix, (amount, _) in spent.items()},
            **{f"byok_usage{suffix}": usd(amount) for suffix, (_, amount) in spent.items()},
            "created_at": _written(key.created),
            "updated_at": None,
            "expires_at": None if key.expires is None else _written(key.expires),
            "creator_user_id": key.creator_user_id,
            "workspace_id": key.workspace_id,
            "external_user": None,
            "last_used_at": _written(now.replace(second=0, microsecond=0)) if any(spent[""]) else None,
        }

    def _spent(self, part: int | None, first: date, now: datetime) -> tuple[int, int]:
        if part is None:
            return 0, 0
        credits_, byok = 0, 0
        day = first
        while day <= now.date():
            share = 1.0 if day < now.date() else (now - _midnight(day)) / _DAY
            credits_of_day, byok_of_day = self._of_day(day).get(part, (0, 0))
            credits_ += int(credits_of_day * share)
            byok += int(byok_of_day * share)
            day += _DAY
        return credits_, byok

    def _of_day(self, day: date) -> _Spends:
        if day not in self._days:
            spends: _Spends = {}
            for row in self._rows_of_day(day):
                for number, part in enumerate(parts_of(row)):
                    if part is not None:
                        before = spends.get(number, (0, 0))
                        paid, byok = round(part.usage * _MILLION), round(part.byok_usage_inference * _MILLION)
                        spends[number] = (before[0] + paid, before[1] + byok)
            self._days[day] = spends
        return self._days[day]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
