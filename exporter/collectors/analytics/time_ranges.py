"""The time range of an analytics query: calendar periods in UTC, or a rolling one that begins with a whole bucket.

The API returns each bucket that a range touches whole. Its buckets are minutes for at most three hours, hours for at
most 31 days, and days beyond that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from exporter.collectors.days import DAY, SECOND, end_of_minute, midnight
from exporter.collectors.periods import SPANS, CalendarRange, end_of

MINUTE, HOUR = 60.0, 3600.0
LONGEST_OF_MINUTES, LONGEST_OF_HOURS = 3 * HOUR, 31 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What a query covers. `today` is the day that a calendar range depends on, `until` when it becomes another."""

    start: datetime
    end: datetime
    today: date | None = None
    until: datetime | None = None


def time_range(length: float | CalendarRange, instant: datetime) -> TimeRange:
    """Return what a length in seconds, or a calendar range, covers at an instant."""
    now = instant.astimezone(UTC)
    if isinstance(length, str):
        return _calendar(length, now)
    end = now.replace(second=0, microsecond=0)
    return TimeRange(_next_bucket(end - timedelta(seconds=length), length), end)


def _calendar(name: CalendarRange, now: datetime) -> TimeRange:
    span, today = SPANS[name], now.date()
    first, end = span.days(today)
    until = midnight(end_of(span.period, today))
    if span.is_current:
        # Its end differs each minute, so that no cached response fits.
        return TimeRange(midnight(first), end_of_minute(now), today, until)
    # Whether the API includes the end is not known: a midnight might bring another whole bucket.
    return TimeRange(midnight(first), midnight(end) - SECOND, today, until)


def _next_bucket(start: datetime, length: float) -> datetime:
    """Return the first start of a bucket that is not before a moment: the range must not become longer."""
    bucket = MINUTE if length <= LONGEST_OF_MINUTES else HOUR if length <= LONGEST_OF_HOURS else DAY.total_seconds()
    return datetime.fromtimestamp(math.ceil(start.timestamp() / bucket) * bucket, UTC)
