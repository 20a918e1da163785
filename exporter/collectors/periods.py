"""Calendar periods in UTC: days, weeks that begin on Monday, and months. Pure arithmetic on dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, NamedTuple

from exporter.collectors.days import DAY
from exporter.config.budget_settings import Period

PERIODS: tuple[Period, ...] = ("day", "week", "month")

WEEK = timedelta(days=7)


def start_of(period: Period, day: date) -> date:
    """Return the first day of the period that contains a day."""
    match period:
        case "day":
            return day
        case "week":
            return day - day.weekday() * DAY
        case "month":
            return day.replace(day=1)


def end_of(period: Period, day: date) -> date:
    """Return the first day after the period that contains a day."""
    start = start_of(period, day)
    match period:
        case "day":
            return start + DAY
        case "week":
            return start + WEEK
        case "month":
            return start_of("month", start + 31 * DAY)


def previous_start(period: Period, day: date) -> date:
    """Return the first day of the period before the one that contains a day."""
    return start_of(period, start_of(period, day) - DAY)


def period_starts_after(day: date) -> list[date]:
    """Return the next days on which some period begins, in order: tomorrow, the next Monday and the next 1st."""
    return sorted({end_of(period, day) for period in PERIODS})


class CalendarSpan(NamedTuple):
    """The current period of its kind, or the one before it."""

    period: Period
    is_current: bool

    def days(self, today: date) -> tuple[date, date]:
        """Return the first day, and the day after the last one: the current period ends with today."""
        start = start_of(self.period, today)
        return (start, today + DAY) if self.is_current else (previous_start(self.period, today), start)


CalendarRange = Literal["today", "yesterday", "week", "last_week", "month", "last_month"]
SPANS: Mapping[CalendarRange, CalendarSpan] = {
    "today": CalendarSpan("day", is_current=True),
    "yesterday": CalendarSpan("day", is_current=False),
    "week": CalendarSpan("week", is_current=True),
    "last_week": CalendarSpan("week", is_current=False),
    "month": CalendarSpan("month", is_current=True),
    "last_month": CalendarSpan("month", is_current=False),
}
