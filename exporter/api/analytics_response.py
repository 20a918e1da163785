"""What `POST /analytics/query` and `GET /analytics/meta` answer, as they really do.

Rows lie two levels deep: `{"data":{"data":[row,row,…],"metadata":{…},"cachedAt":…,"warnings":[…]}}`. They are flat, so
a long body is cut at what looks like a row's end, `},{`; a cut inside a text leaves an open quote, which can't parse,
and then another is tried, in the end one of a longer piece. No more than a mebibyte is ever decoded in one go.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from exporter.api.activity_rows import as_number
from exporter.api.body import decode, decode_body
from exporter.api.client import Request
from exporter.api.field_values import text
from exporter.api.rejections import Rejections
from exporter.api.response import NOT_JSON, Response, pieces, printable
from exporter.errors import InvalidResponse

QUERY, META = "analytics_query", "analytics_meta"
MOST_ROWS = 10_000  # of one answer
LONGEST_META = 1024 * 1024
LONGEST_ANSWER = 32 * 1024 * 1024
PIECE = 64 * 1024
LONGEST_PIECE = 1024 * 1024
LONGEST_HEAD = 4 * 1024
LIKELY_TAIL = 4 * 1024
MOST_CUTS = 4
ROWS_PER_STEP = 64
MOST_WARNINGS = 3

_WHAT = "an answer of the analytics API"
# Fields that come before the rows, such as the metadata, are passed over if they are plain.
_FIELDS = rb'(?:"(?!data")\w+"\s*:\s*(?:"[^"\\]*"|[-+.\w]+|\{[^][{}]*\}|\[[^][{}]*\])\s*,\s*)*'
_HEAD = re.compile(rb'\s*\{\s*%b"data"\s*:\s*\{\s*%b"data"\s*:\s*\[\s*' % (_FIELDS, _FIELDS))
_ROW_END = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")

_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_row = msgspec.json.Decoder().decode

# As liberal as it can be, so that one bad row does not lose the others: NaN, and characters that are none.
_LOOSE = json.JSONDecoder()
_NOT_EVEN_LOOSE = (ValueError, RecursionError, LookupError, TypeError)

Row = Mapping[str, Any]


class _Metadata(msgspec.Struct):
    row_count: Any = None
    truncated: Any = None


class _Data(msgspec.Struct, rename={"cached_at": "cachedAt"}):
    data: list[Any]  # of msgspec.Raw, or of values where the body had to be read loosely
    metadata: _Metadata | None = None
    cached_at: Any = None
    warnings: list[Any] | None = None
    error: Any = None


class _Raws(_Data, rename={"cached_at": "cachedAt"}):
    data: list[msgspec.Raw]


class _Body(msgspec.Struct):
    data: _Raws
    error: Any = None


class Named(msgspec.Struct, frozen=True):
    """A name that queries may use; `is_rate` and `display_format` are a metric's."""

    name: str
    is_rate: bool | None = None
    display_format: str | None = None


class Meta(msgspec.Struct, frozen=True):
    """What can be asked. Empty lists say nothing."""

    metrics: list[Named] = []
    dimensions: list[Named] = []
    operators: list[Named] = []


class _MetaBody(msgspec.Struct):
    data: Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsResponse:
    """An answer without its rows. `is_whole` is False if rows are missing, or may be."""

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
) -> Request:
    """Return a question; seconds are required in its times."""
    body: dict[str, Any] = {
        "metrics": metrics,
        "dimensions": dimensions,
        "time_range": {"start": _instant(start), "end": _instant(end)},
        "filters": filters,
        "limit": limit,
    }
    return Request(
        operation=QUERY,
        path="/analytics/query",
        parameters={},
        method="POST",
        content=msgspec.json.encode({name: value for name, value in body.items() if value}),
        longest_answer=LONGEST_ANSWER,
    )


META_REQUEST = Request(operation=META, path="/analytics/meta", parameters={}, longest_answer=LONGEST_META)


def meta(answer: Response) -> Meta:
    """Return what can be asked. Raise InvalidResponse if the answer does not say."""
    return decode(answer, _MetaBody, "a description of the analytics API").data


def read(
    answer: Response, limit: int, rejections: Rejections, take: Callable[[Row], None]
) -> Generator[None, None, AnalyticsResponse]:
    """Hand each row to `take`, and return what is said about them all. What was taken counts only once this ended.

    A row that is no object, or can't be read, is rejected by itself. Raises InvalidResponse.
    """
    body = bytearray()
    for piece in pieces(answer):
        body += piece
        yield
    rows = 0
    begin = end = _end_of_head(body)
    while after := (yield from _first(body, end)):
        found, end = after
        rows += len(found)
        yield from _hand_out(found, rejections, take)
    del body[begin:end]
    if len(body) > LONGEST_PIECE:
        raise InvalidResponse(f"not {_WHAT}: nothing to decode in {len(body)} bytes")
    yield
    data = _rest(body)
    if data.error is not None:  # with it, no rows would look like no use
        raise InvalidResponse(f"an error with status 200: {printable(str(data.error))}")
    rows += len(data.data)
    yield from _hand_out(data.data, rejections, take)
    return _reply(data, rows, limit)


def _rest(body: bytearray) -> _Data:
    """Return a body that is not cut further."""
    try:
        whole = decode_body(body, _Body, _WHAT)
        return _with_error(whole.data, whole.error)
    except InvalidResponse as error:
        try:
            fields = _LOOSE.decode(_loosely(body))
            if isinstance(fields["data"]["data"], list):
                return _with_error(msgspec.convert(fields["data"], _Data), fields.get("error"))
        except _NOT_EVEN_LOOSE:
            pass
        raise error from None


def _with_error(data: _Data, error: Any) -> _Data:
    """Return an answer's data with the error that stood beside them, if one did."""
    data.error = error if error is not None else data.error
    return data


def _loosely(body: bytes | bytearray) -> str:
    return body.decode(errors="surrogateescape")


def _end_of_head(body: bytearray) -> int:
    """Return where the rows begin, 0 if that is not known."""
    head = _HEAD.match(body, 0, LONGEST_HEAD)
    return 0 if head is None else head.end()


def _first(body: bytearray, start: int) -> Generator[None, None, tuple[list[Any], int] | None]:
    """Return rows from `start` on, and where the next begin; None if no row is known to be followed by another."""
    size = PIECE
    while start and len(body) - start > size and size <= LONGEST_PIECE:
        for end, after in _last_row_ends(body, start, start + size):
            found = _list(b"[%b]" % bytes(body[start:end]))
            if found is not None:
                return found, after
            yield
        size *= 2
    return None


def _last_row_ends(body: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the last rows seem to end, and where those after them begin; the last of them first."""
    for begin in (max(start, end - LIKELY_TAIL), start):
        ends = deque(_ROW_END.finditer(body, begin, end), maxlen=MOST_CUTS)
        if ends:
            return [(each.start() + 1, each.end()) for each in reversed(ends)]
    return []


def _list(text: bytes) -> list[Any] | None:
    """Return the rows of a list, None if it is none: it was cut inside a row."""
    try:
        return _decode_raws(text)
    except NOT_JSON:
        pass
    try:
        values = _LOOSE.decode(_loosely(text))
    except _NOT_EVEN_LOOSE:
        return None
    return values if isinstance(values, list) else None


def _hand_out(rows: list[Any], rejections: Rejections, take: Callable[[Row], None]) -> Generator[None, None, None]:
    for number, row in enumerate(rows, 1):
        try:
            row = _decode_row(row) if isinstance(row, msgspec.Raw) else row  # noqa: PLW2901
        except NOT_JSON:
            rejections.reject("invalid_text", f"{len(bytes(row))} bytes that can't be read")
        else:
            if isinstance(row, dict):
                take(row)
            else:
                rejections.reject("not_an_object", row)
        if number % ROWS_PER_STEP == 0:
            yield
    yield


def _reply(data: _Data, rows: int, limit: int) -> AnalyticsResponse:
    metadata = data.metadata or _Metadata()
    count = as_number(metadata.row_count)
    is_cut = metadata.truncated not in (None, False, "false")
    return AnalyticsResponse(
        rows=rows,
        is_whole=not is_cut and rows < limit and not count > rows,
        cached_at=_moment(data.cached_at),
        warnings=tuple(printable(str(warning)) for warning in (data.warnings or ())[:MOST_WARNINGS]),
    )


def label(row: Row, name: str) -> str:
    """Return what a row says of a dimension, as a label's value; empty if it says nothing. Raises UnusableError."""
    value = row.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else text(row, name) or ""


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(milliseconds: Any) -> datetime | None:
    number = as_number(milliseconds)
    try:
        return None if math.isnan(number) else datetime.fromtimestamp(number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def refuse_old(reply: AnalyticsResponse, *, since: datetime, why: str) -> None:
    """Raise InvalidResponse for an answer that was made before a moment."""
    if reply.cached_at is not None and reply.cached_at < since:
        raise InvalidResponse(f"the answer was made at {_instant(reply.cached_at)}, {why}")
