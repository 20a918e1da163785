"""A recorded response of `GET /activity`, served with its dates moved so that it ends yesterday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from exporter.errors import ExporterError
from exporter.simulator.attribution import Attribution
from exporter.simulator.billing import credits_body, key_body
from exporter.simulator.http_responses import ActivityQuery
from exporter.simulator.usage import UsageRow

if TYPE_CHECKING:
    from exporter.simulator.accounts import Caller

_DATE_LENGTH = 10
_MILLION = 1_000_000


class RecordingError(ExporterError):
    """The recording cannot be used. The message names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The recorded rows, unchanged, and the newest of their dates."""

    rows: tuple[dict[str, Any], ...]
    newest: date

    def moved_to(self, today: date) -> list[dict[str, Any]]:
        """Return the rows with the newest on the day before today; nothing else of a row changes."""
        shift = today - timedelta(days=1) - self.newest
        return [row | {"date": _moved(row["date"], shift)} for row in self.rows]


class RecordedAccount:
    """An account with recorded usage. A recording has no keys or members: only `date` filters it."""

    attributions: tuple[Attribution, ...] = ()

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def rows(self, query: ActivityQuery, today: date) -> list[dict[str, Any]]:
        """Return the rows of `/activity`, in the order of the recording."""
        rows = self._recording.moved_to(today)
        if query.day is None:
            return rows
        return [row for row in rows if row["date"].startswith(query.day.isoformat())]

    def rows_of_day(self, _: date) -> list[UsageRow]:
        """Return no rows: a recording covers completed days only, not how they grew."""
        return []

    def credits(self, _: datetime) -> dict[str, Any]:
        """Return the body of `/credits`: nothing was spent before the recording."""
        spent = (row.get("usage") for row in self._recording.rows)
        return credits_body(sum(round(usage * _MILLION) for usage in spent if isinstance(usage, int | float)))

    def key(self, caller: Caller, _: datetime) -> dict[str, Any]:
        """Return the body of `/key` for a key without usage."""
        return key_body(caller.label, {}, [], management=caller.is_management, workspace_id=None)


def read_recording(path: Path) -> Recording:
    """Read a recording from a file. Raise RecordingError if it is not one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    try:
        return parse_recording(content)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error


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
