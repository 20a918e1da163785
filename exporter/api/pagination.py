"""One page of a list: `{"data": [...]}`, with `total_count` where the API counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from exporter.api.response import Response, pieces, printable
from exporter.errors import InvalidResponse

LONGEST_PAGE = 1024 * 1024  # decoded in one go; a hundred rows are a tenth of it

# As liberal as it can be, so that one bad row does not lose the others: NaN is a number here, and refused in its row.
_LOOSE = json.JSONDecoder(parse_int=float)


@dataclass(frozen=True, slots=True)
class Page:
    """A page's rows as they came, and how many the whole list has, if the API says."""

    rows: list[Any]
    total: float | None


def page(answer: Response, what: str) -> Page:
    """Return an answer as a page. Raise InvalidResponse, naming `what` was expected, if it is none."""
    try:
        body = _LOOSE.decode(b"".join(pieces(answer)).decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        raise InvalidResponse(f"not {what}: not JSON, or cut off") from None
    if not isinstance(body, dict):
        raise InvalidResponse(f"not {what}: expected an object with data, got {type(body).__name__}")
    error = body.get("error")
    if error is not None:
        message = error.get("message") if isinstance(error, dict) else error
        raise InvalidResponse(f"an error with status 200: {printable(str(message))}")
    rows, total = body.get("data"), body.get("total_count")
    if not isinstance(rows, list):
        raise InvalidResponse(f"not {what}: expected data to be a list")
    return Page(rows, total if isinstance(total, float) else None)
