"""Decode a response body: the one reader for objects, lists and errors of the API.

Bodies are decoded at once, so requests for them set `longest_response`. `/activity` is longer: `row_cutter` reads it
in pieces and uses this module for its last one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from exporter.api.field_values import as_number
from exporter.api.messages import error_message, is_web_page, printable
from exporter.api.response import PIECE, Response, pieces
from exporter.clock import Pause
from exporter.errors import InvalidResponse

T = TypeVar("T")

MOST_FIELDS = 1000
LONGEST_EXACT_INTEGER = 18
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what strict decoding raises
_NOT_EVEN_LOOSE = (ValueError, RecursionError)

_FIELDS_ABOUT_PAGES = ("links", "meta", "metadata", "pagination")
_MORE = ("has_more", "next_cursor", "next", "next_page", "truncated")
_NO_MORE = (None, False, "", "false")  # False equals 0

_OPENING = re.compile(r"[ \t\r\n]*\{[ \t\r\n]*")
_NAME = re.compile(r'("(?:[^"\\\x00-\x1f]|\\.)*")[ \t\r\n]*:[ \t\r\n]*')
_COMMA = re.compile(r'[ \t\r\n]*,[ \t\r\n]*(?=")')
_CLOSING = re.compile(r"[ \t\r\n]*\}[ \t\r\n]*")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_EXACT_INTEGER else float(digits)


_NULL = msgspec.Raw(b"null")
_decode = msgspec.json.Decoder().decode


class Surroundings(msgspec.Struct):
    """The fields around the rows of a body. What is not declared here is skipped without becoming an object."""

    error: msgspec.Raw = _NULL
    has_more: msgspec.Raw = _NULL
    next_cursor: msgspec.Raw = _NULL
    next: msgspec.Raw = _NULL
    next_page: msgspec.Raw = _NULL
    truncated: msgspec.Raw = _NULL
    total_count: msgspec.Raw = _NULL
    links: msgspec.Raw = _NULL
    meta: msgspec.Raw = _NULL
    metadata: msgspec.Raw = _NULL
    pagination: msgspec.Raw = _NULL


class RawRows(Surroundings, kw_only=True):
    """A body whose rows are not decoded yet."""

    data: list[msgspec.Raw]


# Accepts what strict JSON does not (NaN, invalid UTF-8, huge integers): one bad field must not cost the other rows.
LOOSE = json.JSONDecoder(parse_int=_integer)


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page as they came, and the fields of the body around them."""

    rows: list[Any]
    fields: Mapping[str, Any]

    @property
    def total(self) -> float:
        """The number of rows of the whole list; NaN if the API does not report it."""
        total = as_number(self.fields.get("total_count"))
        return total if math.isfinite(total) else math.nan

    @property
    def more(self) -> str | None:
        """The name of the field that announces rows after these; None if there is none."""
        return more_rows(self.fields)

    @property
    def is_part(self) -> bool:
        """Whether the API reports that the list has other rows than these."""
        return self.more is not None or self.total > len(self.rows)


def read_object(response: Response, what: str) -> dict[str, Any]:
    """Return the fields of `data`. Raise InvalidResponse, naming `what` was expected, for any other body."""
    data = decode_fields(b"".join(pieces(response)), what).get("data")
    if not isinstance(data, dict):
        raise InvalidResponse(f"not {what}: expected data to be an object")
    return data


def read_whole_list(response: Response, what: str) -> Page:
    """Return the rows of a list that is not followed to further pages. Raise InvalidResponse also if there are more."""
    page = read_page(response, what)
    refuse_part(page.fields, len(page.rows))
    return page


def read_page(response: Response, what: str) -> Page:
    """Return the rows of `data`. Raise InvalidResponse, naming `what` was expected, for any other body."""
    fields = decode_fields(b"".join(pieces(response)), what)
    return Page(list_of_rows(fields, what), fields)


async def whole_body(pause: Pause, response: Response) -> bytes:
    """Return a body inflated, pausing between its pieces."""
    body = bytearray()
    for piece in pieces(response):
        body += piece
        await pause()
    return bytes(body)


def decode_strictly(body: bytes, decode: Callable[[bytes], T], levels: int = 1) -> T | None:
    """Return what `decode` returns; None if the body needs `decode_fields`, which is slower and accepts more than JSON.

    Rows are in a field `data`, nested in `levels` of that name.
    """
    if body.count(b'"data"') != levels:  # of two beside each other, strict decoding would silently keep the last
        return None
    try:
        return decode(body.removeprefix(BYTE_ORDER_MARK))
    except NOT_JSON:
        return None


def decode_row(row: Any) -> Any:
    """Return a row of `RawRows` decoded, even if it is not strict JSON; any other row as it is."""
    if not isinstance(row, msgspec.Raw):
        return row
    try:
        return _decode(row)
    except NOT_JSON:
        return LOOSE.decode(loose_text(bytes(row)))


def list_of_rows(fields: Mapping[str, Any], what: str) -> list[Any]:
    """Return the list in `data`. Raise InvalidResponse, naming `what` was expected, if there is none."""
    rows = fields.get("data")
    if not isinstance(rows, list):
        raise InvalidResponse(f"not {what}: expected data to be a list")
    return rows


def decode_fields(body: bytes | bytearray, what: str) -> dict[str, Any]:
    """Return the fields of a body that is one JSON object.

    Raise InvalidResponse, naming `what` was expected, for any other body, for two fields `data`, and for an error
    that the API reports with status 200.
    """
    text = loose_text(body)
    try:
        fields, end = _fields(text)
    except _NOT_EVEN_LOOSE:
        fields, end = {}, -1
    if end != len(text):
        raise InvalidResponse(f"not {what}: {_found_instead(text)}", "web_page" if is_web_page(text) else None)
    refuse_error(fields)
    return fields


def refuse_error(fields: Mapping[str, Any]) -> None:
    """Raise InvalidResponse with the API's message if fields of a body with status 200 hold an error."""
    error = fields.get("error")
    if error is not None:
        raise InvalidResponse(f"an error with status 200: {error_message(error) or 'no message'}")


def refuse_part(fields: Mapping[str, Any], rows: int) -> None:
    """Raise InvalidResponse if fields beside this many rows say that there are more: a part is not the whole."""
    more = more_rows(fields)
    if more is not None:
        raise InvalidResponse(f"the response is only a part of the rows ({more})")
    total = as_number(fields.get("total_count"))
    if total > rows:
        raise InvalidResponse(f"the response has {rows} of {total:g} rows (total_count)")


def more_rows(fields: Mapping[str, Any]) -> str | None:
    """Return the name of the field that marks a response as a part, None if there is none."""
    for outer, values in (("", fields), *((f"{name}.", fields.get(name)) for name in _FIELDS_ABOUT_PAGES)):
        if not isinstance(values, Mapping):
            continue
        for name in _MORE:
            if values.get(name) not in _NO_MORE:
                return outer + name
    return None


def take_surroundings(surroundings: Surroundings, about: dict[str, Any]) -> None:
    """Add the fields around the rows to `about`. Raise InvalidResponse if one of them is an error."""
    for name in Surroundings.__struct_fields__:
        value = bytes(getattr(surroundings, name))
        if value != b"null":
            about[name] = LOOSE.decode(loose_text(value)) if len(value) <= PIECE else "too long to be shown"
    refuse_error(about)


def loose_text(body: bytes | bytearray) -> str:
    """Return a body as text; bytes that are not UTF-8 become lone surrogates."""
    return body.removeprefix(BYTE_ORDER_MARK).decode(errors="surrogateescape")


def _fields(text: str, start: int = 0) -> tuple[dict[str, Any], int]:
    """Return the fields of the object at `start` and the offset behind it. Raise ValueError if there is none.

    The decoder itself would silently keep the last of two fields with one name.
    """
    opening = _OPENING.match(text, start)
    if opening is None:
        raise ValueError("no object")
    fields: dict[str, Any] = {}
    offset = opening.end()
    while name := _NAME.match(text, offset):
        key, value = LOOSE.decode(name[1]), name.end()
        if key == "data" and key in fields:
            raise InvalidResponse("two fields are named data")
        if len(fields) == MOST_FIELDS:
            raise InvalidResponse(f"more than {MOST_FIELDS} fields")
        is_nested = key == "data" and text.startswith("{", value)
        fields[key], offset = _fields(text, value) if is_nested else LOOSE.raw_decode(text, value)
        comma = _COMMA.match(text, offset)
        if comma is None:
            break
        offset = comma.end()
    closing = _CLOSING.match(text, offset)
    if closing is None:
        raise ValueError("the object does not end")
    return fields, closing.end()


def _found_instead(text: str) -> str:
    try:
        value = LOOSE.decode(text)
    except _NOT_EVEN_LOOSE:
        start = text[:60].encode(errors="surrogateescape").decode(errors="replace")
        return f"not JSON, or cut off: {printable(start)!r}"
    return f"expected an object with data, got {type(value).__name__}"
