"""Requests to `POST /analytics/query` and `GET /analytics/meta`, and their responses.

Rows are two levels deep: `{"data":{"data":[row,row,…],"metadata":{…},"cachedAt":…,"warnings":[…]}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from exporter.api.body import (
    decode_fields,
    decode_row,
    decode_strictly,
    list_of_rows,
    more_rows,
    read_object,
    refuse_error,
    whole_body,
)
from exporter.api.client import Request
from exporter.api.field_values import Fields, as_number, parse_time
from exporter.api.messages import printable
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.errors import InvalidResponse

QUERY, META = "analytics_query", "analytics_meta"
MOST_ROWS = 10_000  # of one response
LONGEST_META = 1024 * 1024
LONGEST_RESPONSE = 8 * 1024 * 1024
LEVELS = 2  # of fields named data
MOST_VALUES = 64 * MOST_ROWS  # a row has some twenty; millions of tiny values would fill the memory
MOST_WARNINGS = 3

_DAY_FIELDS = ("date__day", "created_at__day", "date", "day")
_WHAT = "a response of the analytics API"

Row = Mapping[str, Any]


class _AnalyticsData(msgspec.Struct, rename={"cached_at": "cachedAt"}):
    data: list[msgspec.Raw]
    metadata: Any = None
    cached_at: Any = None
    warnings: Any = None
    error: Any = None
    has_more: Any = None
    next_cursor: Any = None


_AROUND = {field.name: field.encode_name for field in msgspec.structs.fields(_AnalyticsData) if field.name != "data"}


class _AnalyticsBody(msgspec.Struct):
    data: _AnalyticsData
    error: Any = None


_decode_body = msgspec.json.Decoder(_AnalyticsBody).decode


class Names(msgspec.Struct, frozen=True):
    """The names of one kind that queries may use, each with its display format; only metrics have one.

    If not `whole`, the API may know others: its list is empty, or partly unreadable.
    """

    formats: Mapping[str, str | None] = {}
    whole: bool = False


class Meta(msgspec.Struct, frozen=True):
    """The names that the API offers."""

    metrics: Names = Names()
    dimensions: Names = Names()
    operators: Names = Names()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsResponse:
    """A response without its rows. `is_whole` is False if rows are missing, or may be."""

    rows: int
    is_whole: bool
    cached_at: datetime | None
    warnings: tuple[str, ...]


def query(
    *,
    metrics: tuple[str, ...],
    dimensions: tuple[str, ...],
    start: datetime,
    end: datetime,
    filters: list[dict[str, Any]],
    limit: int,
    granularity: str | None = None,
    order_by: str | None = None,
    classifiers: Mapping[str, Any] | None = None,
) -> Request:
    """Return the request for a query; `order_by` puts the largest first. The API refuses times without seconds."""
    body: dict[str, Any] = {
        "metrics": metrics,
        "dimensions": dimensions,
        "granularity": granularity,
        "time_range": {"start": _instant(start), "end": _instant(end)},
        "filters": filters,
        "order_by": None if order_by is None else {"field": order_by, "direction": "desc"},
        "limit": limit,
        **(classifiers or {}),
    }
    return Request(
        operation=QUERY,
        path="/analytics/query",
        parameters={},
        method="POST",
        content=msgspec.json.encode({name: value for name, value in body.items() if value}),
        longest_response=LONGEST_RESPONSE,
    )


META_REQUEST = Request(operation=META, path="/analytics/meta", parameters={}, longest_response=LONGEST_META)


def meta(response: Response) -> Meta:
    """Return the names that queries may use. Raise InvalidResponse if the response is not a description of them."""
    fields = read_object(response, "a description of the analytics API")
    return Meta(*(_names(fields.get(kind)) for kind in Meta.__struct_fields__))


def _names(values: Any) -> Names:
    """Return the elements that have a name. Others are ignored, as are fields that cannot be read."""
    elements = values if isinstance(values, list) else []
    named = [element for element in elements if isinstance(element, dict) and isinstance(element.get("name"), str)]
    formats = {element["name"]: Fields(element).text("display_format") for element in named}
    return Names(formats, whole=bool(named) and len(named) == len(elements))


async def read(
    pause: Pause, response: Response, limit: int, rejections: Rejections, take: Callable[[Row], None]
) -> AnalyticsResponse:
    """Pass each row to `take`, and return what the response reports about all of them.

    The rows count only once this has ended. A row that is not an object, or cannot be read, is rejected by itself. A
    row that comes again, byte for byte, counts once. Raises InvalidResponse.
    """
    body = await whole_body(pause, response)
    if body.count(b",") > MOST_VALUES:
        raise InvalidResponse(f"not {_WHAT}: more than {MOST_VALUES} values")
    data = _decoded(body)
    await pause()
    seen: set[bytes] = set()
    for number, row in enumerate(data.data, 1):
        value = decode_row(row)
        content = repr(value).encode(errors="surrogatepass") if value is row else bytes(row)
        if not isinstance(value, dict):
            rejections.reject_as("not_an_object", f"row {number}")
        elif content in seen:
            rejections.reject_as("duplicate", f"row {number}")
        else:
            take(value)
        seen.add(content)
        await pause()
    return _summary(data, limit)


def _decoded(body: bytes) -> _AnalyticsData:
    """Return a body's data; its rows become objects one by one, because 10,000 at once would delay scrapes."""
    strict = decode_strictly(body, _decode_body, LEVELS)
    if strict is not None:
        refuse_error({"error": strict.error if strict.error is not None else strict.data.error})
        return strict.data
    data = decode_fields(body, _WHAT).get("data")
    if not isinstance(data, dict):
        raise InvalidResponse(f"not {_WHAT}: expected data to be an object")
    refuse_error(data)
    around = {field: data.get(name) for field, name in _AROUND.items()}
    return _AnalyticsData(list_of_rows(data, _WHAT), **around)


def _summary(data: _AnalyticsData, limit: int) -> AnalyticsResponse:
    metadata = data.metadata if isinstance(data.metadata, Mapping) else {}
    rows = len(data.data)
    is_cut = more_rows({"metadata": metadata, "has_more": data.has_more, "next_cursor": data.next_cursor}) is not None
    warnings = data.warnings if isinstance(data.warnings, list) else []
    return AnalyticsResponse(
        rows=rows,
        is_whole=not is_cut and rows < limit and not as_number(metadata.get("row_count")) > rows,
        cached_at=_time(data.cached_at),
        warnings=tuple(printable(str(warning)) for warning in warnings[:MOST_WARNINGS]),
    )


def day_of(row: Row) -> date | None:
    """Return the UTC day that a row of day granularity names; None if it names none, or two.

    The field's name and layout depend on the source of the data: `date__day` or `created_at__day`, `2026-09-21`,
    `2026-09-21 00:00:00` or ISO 8601 with a zone.
    """
    days = {_day(row[name]) for name in _DAY_FIELDS if row.get(name) is not None}
    return days.pop() if len(days) == 1 else None


def names_another_day(row: Row, day: date) -> bool:
    """Return whether a row names a UTC day other than this one."""
    return any(_day(row.get(name)) not in (None, day) for name in _DAY_FIELDS)


def _day(value: Any) -> date | None:
    moment = parse_time(value) if isinstance(value, str) else None
    return None if moment is None else moment.date()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(value: Any) -> datetime | None:
    seconds = Fields({"": value}).time("")
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def refuse_old(response: AnalyticsResponse, *, since: datetime, why: str) -> None:
    """Raise InvalidResponse for a response that was cached before `since`."""
    if response.cached_at is not None and response.cached_at < since:
        raise InvalidResponse(f"the response was cached at {_instant(response.cached_at)}, {why}")
