"""UTC days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from exporter.api.field_values import parse_time

DAY = timedelta(days=1)


def midnight(day: date) -> datetime:
    """Return the start of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_day(text: str) -> date | None:
    """Return the UTC day of a date or time such as `2026-08-23 00:00:00`; None if the text is neither."""
    moment = parse_time(text)
    return None if moment is None else moment.date()
