"""A recorded response of `GET /activity`, served with its dates moved so that it ends yesterday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from exporter.errors import ExporterError

_DATE_LENGTH = 10
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Recording:
    """The recorded rows, unchanged, and the newest of their dates."""

    rows: tuple[dict[str, Any], ...]
    newest: date

    @property
    def spent(self) -> int:
        """Return the credits spent, in millionths of a USD."""
        amounts = (row.get("usage") for row in self.rows)
        return sum(round(amount * _MILLION) for amount in amounts if isinstance(amount, int | float))

    def moved_to(self, today: date, day: date | None) -> list[dict[str, Any]]:
        """Return all rows or those of a day, the newest dated the day before today; only dates change."""
        shift = today - timedelta(days=1) - self.newest
        rows = [row | {"date": _moved(row["date"], shift)} for row in self.rows]
        return [row for row in rows if day is None or row["date"].startswith(day.isoformat())]


def read_recording(path: Path) -> Recording:
    """Read a recording from a file. Raise ExporterError, which names the file and what was expected."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExporterError(f"{path}: {error.strerror or error}") from error
    try:
        return parse_recording(content)
    except ValueError as error:
        raise ExporterError(f"{path}: {error}") from error


def parse_recording(content: bytes) -> Recording:
    """Parse a recording. Raise ValueError with what was expected."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError('expected an object with a list of rows under "data", as in a response of GET /activity')
    return Recording(tuple(rows), max(_date_of(row, number) for number, row in enumerate(rows)))


def _date_of(row: object, number: int) -> date:
    text = row.get("date") if isinstance(row, dict) else None
    try:
        return date.fromisoformat(text[:_DATE_LENGTH] if isinstance(text, str) else "")
    except ValueError:
        raise ValueError(f"data[{number}]: expected an object with a date like 2026-04-22, not {row!r:.80}") from None


def _moved(text: str, shift: timedelta) -> str:
    day = date.fromisoformat(text[:_DATE_LENGTH]) + shift
    return f"{day.isoformat()}{text[_DATE_LENGTH:]}"
