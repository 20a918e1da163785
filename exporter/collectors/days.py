"""UTC days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from exporter.api.field_values import parse_time
from exporter.errors import InvalidResponse

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def midnight(day: date) -> datetime:
    """Return the start of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of_minute(instant: datetime) -> datetime:
    """Return the last second of a minute. A query up to it differs each minute, and never reaches into the next day."""
    return instant.astimezone(UTC).replace(second=59, microsecond=0)


def earlier_day(ours: datetime, servers: datetime | None) -> date:
    """Return the current UTC day by the earlier of two clocks. Raise InvalidResponse if they are over a day apart."""
    our_day = ours.astimezone(UTC).date()
    server_day = our_day if servers is None else servers.astimezone(UTC).date()
    if abs(server_day - our_day) > DAY:
        raise InvalidResponse(f"the server's clock says {server_day}, ours {our_day}")
    return min(server_day, our_day)


def parse_day(text: str) -> date | None:
    """Return the UTC day of a date or time such as `2026-08-23 00:00:00`; None if the text is neither."""
    moment = parse_time(text)
    return None if moment is None else moment.date()
