"""Rules of time: which UTC days the gauges describe, and which days the API's response covers.

The API returns the 30 completed UTC days. Rows are booked by the request's start, so yesterday still grows for a while
after midnight; the API's documentation advises to wait for about 30 minutes.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime

from exporter.collectors.days import DAY, midnight

DAYS_IN_RESPONSE = 30


def latest_completed_day(now: datetime, *, settle: float, empty_after: float, days_with_rows: Container[date]) -> date:
    """Return the day D that the gauges describe.

    Yesterday, but the day before until `settle` seconds after midnight, and while yesterday has no row at all until
    `empty_after` seconds after midnight: a late API must not read as a day without usage.
    """
    today = now.astimezone(UTC).date()
    since_midnight = (now.astimezone(UTC) - midnight(today)).total_seconds()
    yesterday = today - DAY
    counts = since_midnight >= (settle if yesterday in days_with_rows else max(settle, empty_after))
    return yesterday if counts else yesterday - DAY


@dataclass(frozen=True, slots=True)
class Window:
    """A span of days that ends with D; `name` is its part of the metric's name, empty for D alone."""

    name: str
    length: int | None  # None: from the first of D's month

    def days(self, last: date) -> tuple[date, ...]:
        """Return the window's days, oldest first."""
        length = last.day if self.length is None else self.length
        return tuple(last - DAY * back for back in reversed(range(length)))


LATEST_DAY = Window("", 1)


def window(text: str) -> Window:
    """Return the window that the configuration calls `7d` or `month_to_date`."""
    return Window(text, None if text == "month_to_date" else int(text.removesuffix("d")))


def covered_days(local: datetime, server: datetime | None) -> frozenset[date]:
    """Return the days that a response holds completely, by our clock and, if it sent a Date header, by the server's.

    Only days that both agree on count: around midnight, or with a wrong clock, a window that reaches further is absent
    rather than wrong.
    """
    today = local.astimezone(UTC).date()
    server_today = today if server is None else server.astimezone(UTC).date()
    first, last = max(today, server_today) - DAYS_IN_RESPONSE * DAY, min(today, server_today) - DAY
    return frozenset(first + DAY * offset for offset in range((last - first).days + 1))
