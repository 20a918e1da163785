"""From the whole body of a small answer to a typed value."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from exporter.api.response import NOT_JSON, ErrorBody, Response, pieces, printable
from exporter.errors import InvalidResponse

T = TypeVar("T")


def decode(answer: Response, type_: type[T], what: str) -> T:
    """Return an answer's body as a `type_`. Raise InvalidResponse, naming `what` was expected, if it is none.

    It is decoded in one go: for bodies that are known to be small.
    """
    return decode_body(b"".join(pieces(answer)), type_, what)


def decode_body(body: bytes | bytearray, type_: type[T], what: str) -> T:
    """Return a body as `decode` does."""
    try:
        return msgspec.json.decode(body, type=type_)
    except NOT_JSON as error:
        raise InvalidResponse(_reason(body) or f"not {what}: {printable(str(error))}") from None


def _reason(body: bytes | bytearray) -> str | None:
    """Return the API's own words, if it answered with an error and status 200."""
    try:
        details = msgspec.json.decode(body, type=ErrorBody).error
    except NOT_JSON:
        return None
    return None if details is None else f"an error with status 200: {printable(details.message)}"
