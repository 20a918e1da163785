"""From a body's bytes to rows, piece by piece, so that neither memory nor the event loop ever holds all of it.

A body is `{"data":[row,row,…]}`. It is cut at what looks like a row's end, `},{`, and each piece is decoded as a
list of its own. A cut inside a string or inside a nested list leaves a piece with an open quote or bracket, which
can't parse. So a piece that parses was cut between rows; one that does not is read row by row, up to the first row
that is not whole yet.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from exporter.api.activity_rows import ActivityRow, activity_row
from exporter.api.rejections import Rejections
from exporter.api.response import NOT_JSON, ErrorBody, Response, pieces, printable
from exporter.errors import InvalidResponse

PIECE = 64 * 1024
SMALL_BODY = 64 * 1024
LIKELY_TAIL = 4 * 1024
LONGEST_EXTENSION = 1024 * 1024
MOST_AT_ONCE = 1000

# Fields that the API may add before the rows are passed over if they are plain; anything else is decoded at once.
_HEAD = re.compile(rb'\s*\{\s*(?:"(?!error"|data")\w+"\s*:\s*(?:"[^"\\]*"|[-+.\w]+)\s*,\s*)*"data"\s*:\s*\[\s*')
_BOUNDARY = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_SEPARATOR = re.compile(r"[ \t\r\n]*,[ \t\r\n]*(?=[^] \t\r\n])")

_OPENING = re.compile(rb"\[[ \t\r\n]*")

# What is left of a body is read under this key, because a second "data" would be mistaken for it.
_REST = "rows that are left"
_HEAD_OF_REST = b'{"%b":[' % _REST.encode()

_decode_rows = msgspec.json.Decoder(list[ActivityRow]).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

# As liberal as it can be: NaN is a number, big integers are infinite, bytes that are not UTF-8 are lone surrogates.
_LOOSE = json.JSONDecoder(parse_int=float)


def rows(answer: Response, rejections: Rejections) -> Iterator[list[ActivityRow]]:
    """Yield the rows of an answer in pieces; a row that can't be used is added to `rejections` and left out.

    What was yielded counts only once the iterator has ended. Raises InvalidResponse for a body that is not
    `{"data": [...]}`, however late in the body that shows.
    """
    try:
        yield from _rows(pieces(answer), rejections)
    except InvalidResponse as error:
        raise InvalidResponse(f"{error} ({answer.content_type or 'no content type'})") from None


def _rows(stream: Iterator[bytes], rejections: Rejections) -> Iterator[list[ActivityRow]]:
    buffer = bytearray()
    for piece in stream:
        buffer += piece
        if len(buffer) >= SMALL_BODY:
            break
        yield []
    head = _HEAD.match(buffer)
    if len(buffer) >= SMALL_BODY and head is not None and _is_json(head[0] + b"]}"):
        del buffer[: head.end()]
        yield from _cut(stream, buffer, rejections)
        return
    if len(buffer) >= SMALL_BODY and not buffer.lstrip().startswith(b"{"):
        raise InvalidResponse(f"expected an object with data, got {_shown_start(buffer)}")
    for piece in stream:
        buffer += piece
        yield []
    if len(buffer) <= LONGEST_EXTENSION:
        yield _whole(bytes(buffer), "data", rejections)
    else:
        yield from _cut(_listed(buffer), bytearray(), rejections)


def _listed(body: bytearray) -> Iterator[bytes]:
    """Yield what follows the head of a long body with an unusual one. Loose JSON would cost gigabytes here."""
    try:
        fields = _decode_fields(body)
    except NOT_JSON:
        raise InvalidResponse(f"expected an object with data, got {_shown_start(body)}") from None
    _refuse_error(bytes(fields.get("error", b"null")))
    data = memoryview(fields.get("data", b""))
    start = _OPENING.match(data)
    if start is None:
        raise InvalidResponse("expected data to be a list")
    for place in range(start.end(), len(data), PIECE):
        yield bytes(data[place : place + PIECE])
    yield b"}"


def _cut(stream: Iterator[bytes], buffer: bytearray, rejections: Rejections) -> Iterator[list[ActivityRow]]:
    """Yield the rows of a body whose head is passed. `buffer` holds what was read after it."""
    wanted = PIECE
    for piece in stream:
        buffer += piece
        if len(buffer) < wanted:
            yield []
        while len(buffer) >= wanted:
            found, end = _first_rows(buffer, rejections)
            if not end:
                wanted = 2 * len(buffer)
                if wanted > LONGEST_EXTENSION:
                    raise InvalidResponse(f"not a list of rows: nothing to decode in {len(buffer)} bytes")
                break
            yield found
            del buffer[:end]
            wanted = PIECE
    yield _whole(_HEAD_OF_REST + buffer, _REST, rejections)


def _first_rows(buffer: bytearray, rejections: Rejections) -> tuple[list[ActivityRow], int]:
    """Return rows from the buffer's beginning and where the next one begins, 0 if none is known to be whole."""
    cut = _last_boundary(buffer)
    if cut is not None:
        try:
            return _decode_rows(b"[%b]" % bytes(buffer[: cut.start() + 1])), cut.end()
        except NOT_JSON:
            pass
    text = buffer.decode(errors="surrogateescape")
    values: list[object] = []
    end = 0
    while len(values) < MOST_AT_ONCE:
        try:
            value, after = _LOOSE.raw_decode(text, end)
        except (ValueError, RecursionError):
            break
        separator = _SEPARATOR.match(text, after)
        if separator is None:
            break
        values.append(value)
        end = separator.end()
    return _taken_apart(values, rejections), len(text[:end].encode(errors="surrogateescape"))


def _last_boundary(buffer: bytearray) -> re.Match[bytes] | None:
    """Return what parts the last row that is followed by another one from it."""
    for start in (max(0, len(buffer) - LIKELY_TAIL), 0):
        boundaries = deque(_BOUNDARY.finditer(buffer, start), maxlen=1)
        if boundaries:
            return boundaries[0]
    return None


def _whole(body: bytes, key: str, rejections: Rejections) -> list[ActivityRow]:
    """Decode a body, or what is left of one under another key, at once: this is where its end is checked."""
    try:
        fields = _decode_fields(body)
    except NOT_JSON:
        return _loose_body(body, key, rejections)
    _refuse_error(bytes(fields.get("error", b"null")))
    _refuse_second_list(fields, key)
    found = _list_of_rows(bytes(fields.get(key, b"")), rejections)
    if found is None:
        raise InvalidResponse("expected data to be a list")
    return found


def _loose_body(body: bytes, key: str, rejections: Rejections) -> list[ActivityRow]:
    """Take what strict JSON does not allow (NaN, invalid UTF-8 in one row), or say what is wrong."""
    try:
        value = _loads(body)
    except (ValueError, RecursionError):
        raise InvalidResponse(f"not JSON, or cut off: {_shown_start(body)}") from None
    if not isinstance(value, dict):
        raise InvalidResponse(f"expected an object with data, got {type(value).__name__}")
    if value.get("error") is not None:
        _refuse_error(json.dumps(value["error"]).encode())
    _refuse_second_list(value, key)
    if not isinstance(value.get(key), list):
        raise InvalidResponse("expected data to be a list")
    return _taken_apart(value[key], rejections)


def _refuse_error(error: bytes) -> None:
    if error == b"null":
        return
    try:
        details = msgspec.json.decode(b'{"error":%b}' % error, type=ErrorBody).error
    except NOT_JSON:
        details = None
    raise InvalidResponse(f"an error with status 200: {printable(details.message) if details else 'no message'}")


def _refuse_second_list(fields: Mapping[str, object], key: str) -> None:
    if key != "data" and "data" in fields:
        raise InvalidResponse("data is there twice")


def _list_of_rows(text: bytes, rejections: Rejections) -> list[ActivityRow] | None:
    """Return the rows of a JSON list, None if it is none."""
    try:
        return _decode_rows(text)
    except NOT_JSON:
        pass
    try:
        values = _loads(text)
    except (ValueError, RecursionError):
        return None
    return _taken_apart(values, rejections) if isinstance(values, list) else None


def _loads(text: bytes) -> Any:
    return _LOOSE.decode(text.decode(errors="surrogateescape"))


def _is_json(text: bytes) -> bool:
    try:
        _loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _taken_apart(values: Iterable[object], rejections: Rejections) -> list[ActivityRow]:
    good = []
    for value in values:
        row = activity_row(value)
        if isinstance(row, ActivityRow):
            good.append(row)
        else:
            rejections.reject(row, value)
    return good


def _shown_start(body: bytes | bytearray) -> str:
    start = bytes(body[: len(_HEAD_OF_REST) + 60])
    return repr(printable(start.removeprefix(_HEAD_OF_REST)[:60].decode(errors="replace")))
