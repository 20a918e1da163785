"""A simple model of what must be published, in exact fractions. It shares only the rules with the collector."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

SETTLE = timedelta(minutes=30)
EMPTY_AFTER = timedelta(hours=3)
OLDEST = 32  # days back: no window can need an older one
LENGTHS = {"": 1, "7d": 7, "30d": 30, "month_to_date": None}

Uses = dict[str, Fraction]


@dataclass(frozen=True)
class Expected:
    """The day, and for each window that may be published the sum for each endpoint."""

    day: date
    windows: dict[str, Uses]


class Model:
    """Keeps the complete days of the last response, as the collector does, and nothing older."""

    def __init__(self) -> None:
        self._whole: dict[date, Uses] = {}
        self._last: tuple[list[tuple[date, str, Fraction]], Expected] | None = None

    def poll(self, local: datetime, server: datetime | None, rows: list[tuple[date, str, Fraction]]) -> Expected:
        """Return what a poll at `local` must publish if the response has the Date `server`. The same response for the
        same day changes nothing, however wrong our clock is, unless it covers more days.
        """
        theirs = server or local
        used: dict[date, Uses] = defaultdict(dict)
        for day, endpoint, usage in rows:
            if 1 <= (local.date() - day).days <= OLDEST:
                used[day][endpoint] = used[day].get(endpoint, Fraction(0)) + usage
        latest = _latest(min(local, theirs), used)
        seen = [day for day, _, _ in rows if 0 <= (local.date() - day).days <= OLDEST]
        reached = max(seen, default=None)  # without a Date header no later day is believed
        if server is None and reached is not None:
            latest = min(latest, reached)
        spans = {name: _days(latest, length) for name, length in LENGTHS.items()}
        needed = {day for days in spans.values() for day in days}
        fresh = {day for day in _back_from(local, 30) if day in _back_from(theirs, 30)}
        if server is None:
            fresh = {day for day in fresh if reached is not None and day <= reached}
        if (
            self._last is not None
            and self._last[0] == rows
            and self._last[1].day == latest
            and fresh <= set(self._whole)
        ):
            return self._last[1]
        whole = {}
        for day in _back_from(local, OLDEST):
            if day in fresh:
                whole[day] = used.get(day, {})
            elif day in needed and day in self._whole:
                whole[day] = used[day] = self._whole[day]
        endpoints = {endpoint for uses in (*used.values(), *whole.values()) for endpoint in uses}
        self._whole = whole
        expected = Expected(
            latest,
            {
                name: {
                    endpoint: sum((whole[day].get(endpoint, Fraction(0)) for day in days), Fraction(0))
                    for endpoint in endpoints
                }
                for name, days in spans.items()
                if all(day in whole for day in days)
            },
        )
        self._last = rows, expected
        return expected


def _back_from(now: datetime, days: int) -> list[date]:
    return [now.date() - timedelta(days=back) for back in range(1, days + 1)]


def _latest(now: datetime, used: dict[date, Uses]) -> date:
    since = now - now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = now.date() - timedelta(days=1)
    wait = SETTLE if used.get(yesterday) else EMPTY_AFTER
    return yesterday if since >= wait else yesterday - timedelta(days=1)


def _days(last: date, length: int | None) -> list[date]:
    return [last - timedelta(days=back) for back in range(last.day if length is None else length)]
