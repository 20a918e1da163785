"""Responses before they are sent, error bodies, and the query parameters of `GET /activity`."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any

import msgspec

from exporter.simulator.attribution import ActivityFilter

WINDOW = timedelta(days=30)
_GZIP_LEVEL = 4  # about what a content network spends
_OUT_OF_WINDOW = "Date must be within the last 30 (completed) UTC days"
_MESSAGES = {
    400: "Invalid request parameters",
    401: "Missing Authentication header",
    402: "Insufficient credits",
    403: "Only management keys can perform this operation",
    404: "Resource not found",
    408: "Operation timed out. Please try again later.",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    524: "Request timed out. Please try again later.",
    529: "Provider returned error",
}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HASH = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class ApiError(Exception):
    """A response with a status other than 200."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message or message_of(status))
        self.status = status


@dataclass(frozen=True)
class SimulatedResponse:
    """A whole response before it is sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    may_compress: bool = True

    @cached_property
    def gzipped(self) -> bytes:
        """Return the body in gzip, the same for the same body."""
        return gzip.compress(self.body, _GZIP_LEVEL, mtime=0)


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """The parameters of `GET /activity`."""

    day: date | None = None
    filter: ActivityFilter = field(default_factory=ActivityFilter)

    def days(self, today: date) -> tuple[date, ...]:
        """Return the requested completed days, the newest first."""
        if self.day is not None:
            return (self.day,)
        return tuple(today - timedelta(days=back) for back in range(1, WINDOW.days + 1))


def message_of(status: int) -> str:
    """Return the API's own message for a status."""
    try:
        return _MESSAGES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown error"


def json_response(content: Any, status: int = 200) -> SimulatedResponse:
    """Return content as a JSON response."""
    return SimulatedResponse(status, msgspec.json.encode(content))


def error_body(code: int, message: str | None = None) -> bytes:
    """Return the body for a status other than 200."""
    return msgspec.json.encode({"error": {"message": message or message_of(code), "code": code}})


def parse_activity_query(parameters: Mapping[str, str], today: date) -> ActivityQuery:
    """Parse the parameters of `GET /activity`; unknown ones are ignored, as by the API. Raise ApiError for bad ones."""
    group_by = parameters.get("group_by")
    if group_by not in (None, "workspace"):
        raise ApiError(400)
    selection = ActivityFilter(
        _matching(_HASH, parameters.get("api_key_hash")),
        parameters.get("user_id"),
        _matching(_UUID, parameters.get("workspace_id")),
        group_by is not None,
    )
    text = parameters.get("date")
    return ActivityQuery(None if text is None else _day(text, today), selection)


def whole_number(text: str | None, default: int, least: int, most: int) -> int:
    """Return the number in a parameter's text. Raise ApiError if it is not a number within the bounds."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ApiError(400)
    return int(text)


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    if text is not None and not pattern.fullmatch(text):
        raise ApiError(400)
    return text


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ApiError(400)
    if not today - WINDOW <= day < today:
        raise ApiError(400, _OUT_OF_WINDOW)
    return day
