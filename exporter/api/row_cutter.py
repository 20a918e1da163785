"""Rows of `/activity`, decoded piece by piece, so that neither memory nor the event loop ever holds all of them.

A body is `{"data":[row,row,…]}`. It is cut at what looks like the end of a row, `},{`, and each piece is decoded as a
list. A cut inside a string or a nested list leaves a quote or bracket open, which does not parse; such a piece is
read row by row, up to the last row that is complete.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from exporter.api.activity_rows import ActivityRow, activity_row
from exporter.api.body import (
    BYTE_ORDER_MARK,
    LOOSE,
    NOT_JSON,
    Surroundings,
    decode_fields,
    decode_strictly,
    list_of_rows,
    loose_text,
    refuse_part,
    take_surroundings,
)
from exporter.api.messages import is_web_page, printable
from exporter.api.rejections import Rejections
from exporter.api.response import PIECE, Response, pieces
from exporter.errors import ErrorSource, InvalidResponse

LIKELY_TAIL = 4 * 1024
LONGEST_EXTENSION = 1024 * 1024
LONGEST_HEAD = 4 * 1024 * 1024
MOST_HEADS = 16
MOST_AT_ONCE = 1000
MOST_ROWS = 500_000  # far above any account; what is remembered of each row must not fill the memory

_WHAT = "a list of activity"
_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_BOUNDARY = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_SEPARATOR = re.compile(r"[ \t\r\n]*,[ \t\r\n]*(?=[^] \t\r\n])")


class _Head(Surroundings):
    data: msgspec.Raw | None = None


class _Activity(Surroundings, kw_only=True):
    data: list[ActivityRow]


@dataclass(slots=True)
class _Context:
    """Collects the rejected rows of a body, and the fields around its rows.

    `seen` holds a hash of each row read so far if repeated rows are to be left out.
    """

    rejections: Rejections
    about: dict[str, Any] = field(default_factory=dict)
    seen: set[int] | None = None


_decode_activity = msgspec.json.Decoder(_Activity).decode
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_rows = msgspec.json.Decoder(list[ActivityRow]).decode


def rows(response: Response, rejections: Rejections) -> Iterator[list[ActivityRow]]:
    """Yield the rows of a response in pieces; rows that cannot be used are added to `rejections` and left out.

    The rows count only once the iterator has ended: it raises InvalidResponse for a body that is not
    `{"data": [...]}`, however late in the body that shows.
    """
    context = _Context(Rejections())
    seen = 0
    try:
        for usable in _rows(pieces(response), context):
            seen += len(usable)
            _refuse_too_many(seen + context.rejections.counts.total())
            yield usable
        refuse_part(context.about, seen + context.rejections.counts.total())
    except InvalidResponse as error:
        error.args = (f"{error} ({response.content_type or 'no content type'})",)
        raise
    finally:
        rejections.update(context.rejections)


def _refuse_too_many(rows_seen: int) -> None:
    if rows_seen > MOST_ROWS:
        raise InvalidResponse(f"more than {MOST_ROWS} rows")


def distinct_rows(response: Response) -> Iterator[list[ActivityRow]]:
    """Yield the usable rows of a response that `rows` has read, without those that repeat an earlier row in all fields.

    This is much slower, because fields that are not part of ActivityRow are compared too.
    """
    return _rows(pieces(response), _Context(Rejections(), seen=set()))


def _rows(stream: Iterator[bytes], context: _Context) -> Iterator[list[ActivityRow]]:
    """Yield the rows of a body, and add the fields around them to `about`."""
    buffer = bytearray()
    searched = 0
    for piece in stream:
        buffer += piece
        if len(buffer) >= PIECE:
            begin = _first_row(buffer, max(0, searched - LIKELY_TAIL), context.about)
            if begin:
                del buffer[:begin]
                yield from _cut(stream, buffer, context)
                return
            searched = len(buffer)
            if searched > LONGEST_HEAD:
                raise InvalidResponse(f"no rows in the first {searched} bytes")
        yield []
    if len(buffer) > LONGEST_EXTENSION:
        raise InvalidResponse(f"expected an object with a list of rows in data, got {_start(buffer)}")
    yield _whole(bytes(buffer), context)


def _first_row(buffer: bytearray, start: int, about: dict[str, Any]) -> int:
    """Return the offset of the first row, looking for it from `start` on; 0 if it is not in the buffer."""
    if not buffer.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"{"):
        source: ErrorSource | None = "web_page" if is_web_page(buffer) else None
        raise InvalidResponse(f"expected an object with data, got {_start(buffer)}", source)
    for data in islice(_DATA.finditer(buffer, start), MOST_HEADS):
        try:
            # Decodes only if this is a field of the outer object: any other has a quote or bracket open before it.
            head = _decode_head(bytes(buffer[: data.start()]).removeprefix(BYTE_ORDER_MARK) + b'"":0}')
        except NOT_JSON:
            continue
        if head.data is not None:
            raise InvalidResponse("two fields are named data")
        take_surroundings(head, about)
        return data.end()
    return 0


def _cut(stream: Iterator[bytes], buffer: bytearray, context: _Context) -> Iterator[list[ActivityRow]]:
    """Yield the rows behind the head of a body. `buffer` holds the bytes that were read after it."""
    wanted = PIECE
    for piece in stream:
        buffer += piece
        if len(buffer) < wanted:
            yield []
        while len(buffer) >= wanted:
            cut, end = _first_rows(buffer, context)
            if not end:
                wanted = 2 * len(buffer)
                if wanted > LONGEST_EXTENSION:
                    raise InvalidResponse(f"not a list of rows: nothing to decode in {len(buffer)} bytes")
                break
            yield cut
            del buffer[:end]
            wanted = PIECE
    yield _whole(b'{"data":[' + buffer, context)


def _first_rows(buffer: bytearray, context: _Context) -> tuple[list[ActivityRow], int]:
    """Return the first rows of the buffer and the offset of the next one, 0 if no row is known to be complete."""
    cut = _last_boundary(buffer)
    if cut is not None and context.seen is None:
        try:
            return _decode_rows(b"[%b]" % bytes(buffer[: cut.start() + 1])), cut.end()
        except NOT_JSON:
            pass
    text = loose_text(buffer)
    values: list[object] = []
    end = 0
    while len(values) < MOST_AT_ONCE:
        try:
            value, after = LOOSE.raw_decode(text, end)
        except (ValueError, RecursionError):
            break
        separator = _SEPARATOR.match(text, after)
        if separator is None:
            break
        values.append(value)
        end = separator.end()
    return _usable(values, context), len(text[:end].encode(errors="surrogateescape"))


def _last_boundary(buffer: bytearray) -> re.Match[bytes] | None:
    """Return the match between the last row that is followed by another one and its successor."""
    for start in (max(0, len(buffer) - LIKELY_TAIL), 0):
        boundaries = deque(_BOUNDARY.finditer(buffer, start), maxlen=1)
        if boundaries:
            return boundaries[0]
    return None


def _whole(body: bytes, context: _Context) -> list[ActivityRow]:
    """Decode a short body, or the last rows of a longer one: this is where its end is checked."""
    activity = decode_strictly(body, _decode_activity) if context.seen is None else None
    if activity is not None:
        take_surroundings(activity, context.about)
        return activity.data
    fields = decode_fields(body, _WHAT)
    context.about.update(fields)
    return _usable(list_of_rows(fields, _WHAT), context)


def _usable(values: Iterable[object], context: _Context) -> list[ActivityRow]:
    usable = []
    for value in values:
        if context.seen is not None and _is_repeated(value, context.seen):
            continue
        row = activity_row(value, context.rejections.unreadable)
        if isinstance(row, ActivityRow):
            usable.append(row)
        else:
            context.rejections.reject(row, value)
    return usable


def _is_repeated(value: object, seen: set[int]) -> bool:
    try:
        content = hash(repr(value))
    except RecursionError:
        return False
    repeated = content in seen
    seen.add(content)
    return repeated


def _start(body: bytearray) -> str:
    return repr(printable(body[:60].decode(errors="replace")))
