"""From a body's bytes to rows, piece by piece, so that neither memory nor the event loop ever holds all of it.

A body is `{"data":[row,row,…]}`. It is cut at what looks like a row's end, `},{`, and each piece is decoded as a
list of its own. A cut inside a string or inside a nested list leaves a piece with an open quote or bracket, which
can't parse: it is extended to the next boundary. So a piece that parses was cut between rows.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exporter.api.answer import Answer, ErrorBody, pieces, printable
from exporter.api.model import RejectionReason, Row, lenient_row
from exporter.errors import InvalidResponse

PIECE = 64 * 1024
SMALL_BODY = 64 * 1024
LIKELY_TAIL = 4 * 1024
LONGEST_EXTENSION = 1024 * 1024
SAMPLE_SIZE = 3

# Fields that the API may add before the rows are passed over if they are plain; anything else is decoded at once.
_HEAD = re.compile(rb'\s*\{\s*(?:"(?!error")\w+"\s*:\s*(?:"[^"\\]*"|[-+.\w]+)\s*,\s*)*"data"\s*:\s*\[\s*')
_BOUNDARY = re.compile(rb"\}\s*,\s*(?=\{)")

_decode_rows = msgspec.json.Decoder(list[Row]).decode


@dataclass(slots=True)
class Rejections:
    """Rows that can't be used: how many by reason, and the first few to show."""

    counts: Counter[RejectionReason] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)

    def add(self, reason: RejectionReason, row: object) -> None:
        """Count one."""
        self.counts[reason] += 1
        if len(self.sample) < SAMPLE_SIZE:
            self.sample.append(f"{reason}: {printable(str(row))}")

    def update(self, other: Rejections) -> None:
        """Count all of another's."""
        self.counts.update(other.counts)
        self.sample.extend(other.sample[: SAMPLE_SIZE - len(self.sample)])


class _Body(msgspec.Struct):
    data: msgspec.Raw
    error: msgspec.Raw = msgspec.Raw(b"null")


def rows(answer: Answer, rejections: Rejections) -> Iterator[list[Row]]:
    """Yield the rows of an answer in pieces; a row that can't be used is added to `rejections` and left out.

    What was yielded counts only once the iterator has ended. Raises InvalidResponse for a body that is not
    `{"data": [...]}`, however late in the body that shows.
    """
    try:
        yield from _rows(pieces(answer), rejections)
    except InvalidResponse as error:
        raise InvalidResponse(f"{error} ({answer.content_type or 'no content type'})") from None


def _rows(stream: Iterator[bytes], rejections: Rejections) -> Iterator[list[Row]]:
    buffer = bytearray()
    for piece in stream:
        buffer += piece
        if len(buffer) >= SMALL_BODY:
            break
    head = _HEAD.match(buffer)
    if head is None or len(buffer) < SMALL_BODY:
        for piece in stream:
            buffer += piece
        yield from _whole(bytes(buffer), rejections)
        return
    del buffer[: head.end()]
    wanted = PIECE
    for piece in stream:
        buffer += piece
        while len(buffer) >= wanted:
            cut = _last_boundary(buffer)
            decoded = _list_of_rows(b"[%b]" % bytes(buffer[:cut]), rejections) if cut else None
            if decoded is None:
                wanted = 2 * len(buffer)
                if wanted > LONGEST_EXTENSION:
                    raise InvalidResponse(f"not a list of rows: nothing to decode in {len(buffer)} bytes")
                break
            yield decoded
            del buffer[: _BOUNDARY.match(buffer, cut - 1).end()]  # type: ignore[union-attr]
            wanted = PIECE
    yield from _whole(b'{"data":[%b' % bytes(buffer), rejections)


def _last_boundary(buffer: bytearray) -> int:
    """Return the end of the last row that is followed by another one, 0 if there is none."""
    for start in (max(0, len(buffer) - LIKELY_TAIL), 0):
        ends = [boundary.start() + 1 for boundary in _BOUNDARY.finditer(buffer, start)]
        if ends:
            return ends[-1]
    return 0


def _whole(body: bytes, rejections: Rejections) -> Iterator[list[Row]]:
    """Decode a body, or what is left of one, at once: this is where its end is checked."""
    try:
        decoded = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield _loose_body(body, rejections)
        return
    _refuse_error(bytes(decoded.error))
    found = _list_of_rows(bytes(decoded.data), rejections)
    if found is None:
        raise InvalidResponse("data is not a list of rows")
    yield found


def _loose_body(body: bytes, rejections: Rejections) -> list[Row]:
    """Take what strict JSON does not allow (NaN, invalid UTF-8 in one row), or say what is wrong."""
    try:
        value = _loads(body)
    except (ValueError, RecursionError):
        raise InvalidResponse(f"not JSON, or cut off: {printable(body[:60].decode(errors='replace'))!r}") from None
    if not isinstance(value, dict):
        raise InvalidResponse(f"expected an object with data, got {type(value).__name__}")
    _refuse_error(json.dumps(value.get("error")).encode())
    if not isinstance(value.get("data"), list):
        raise InvalidResponse("expected data to be a list")
    return _taken_apart(value["data"], rejections)


def _refuse_error(error: bytes) -> None:
    if error == b"null":
        return
    try:
        details = msgspec.json.decode(b'{"error":%b}' % error, type=ErrorBody).error
    except msgspec.MsgspecError:
        details = None
    raise InvalidResponse(f"an error with status 200: {printable(details.message) if details else 'no message'}")


def _list_of_rows(text: bytes, rejections: Rejections) -> list[Row] | None:
    """Return the rows of a JSON list, None if it is none."""
    try:
        return _decode_rows(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        values = _loads(text)
    except (ValueError, RecursionError):
        return None
    return _taken_apart(values, rejections) if isinstance(values, list) else None


def _loads(text: bytes) -> Any:
    """Decode JSON as liberally as it can be: big integers, NaN, and bytes that are not UTF-8 as lone surrogates."""
    return json.loads(text.decode(errors="surrogateescape"), parse_int=float)


def _taken_apart(values: Iterable[object], rejections: Rejections) -> list[Row]:
    good = []
    for value in values:
        row = lenient_row(value)
        if isinstance(row, Row):
            good.append(row)
        else:
            rejections.add(row, value)
    return good
