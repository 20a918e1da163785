"""A simple reference reader of activity bodies to compare the fast reader with, and helpers that build bodies."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from exporter.api.activity_rows import ActivityRow, activity_row
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.api.row_cutter import rows
from exporter.errors import InvalidResponse

Read = tuple[list[ActivityRow], Counter[str]] | None  # None is an invalid response

GOOD: dict[str, Any] = {
    "date": "2026-08-22 00:00:00",
    "model": "openai/gpt-5",
    "model_permaslug": "openai/gpt-5-2025-08-07",
    "endpoint_id": "00000000-0000-0000-0000-000000000000",
    "provider_name": "OpenAI",
    "usage": 0.25,
    "byok_usage_inference": 0,
    "requests": 3,
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "reasoning_tokens": 12,
    "cached_tokens": 0,
}
GOOD_ROW = msgspec.convert(GOOD, ActivityRow)


def response_of(body: bytes, piece: int | None = None, *, gzipped: bool = False, limit: int = 1 << 26) -> Response:
    """Return a response with this body, in one chunk or in chunks of `piece` bytes."""
    wire = gzip.compress(body, 1) if gzipped else body
    size = piece or len(wire) or 1
    chunks = tuple(wire[start : start + size] for start in range(0, len(wire), size))
    return Response(
        chunks=chunks,
        encoding="gzip" if gzipped else "identity",
        digest=b"",
        limit=limit,
        content_type="application/json",
    )


def read(response: Response) -> Read:
    """Return the rows and the rejections that the fast reader returns."""
    rejections = Rejections()
    try:
        result = [row for piece in rows(response, rejections) for row in piece]
    except InvalidResponse:
        return None
    return result, Counter(rejections.counts)


def expected(body: bytes) -> Read:
    """Return the rows and the rejections of the reference reader, which decodes the body at once and each row by
    itself.
    """
    try:
        content = json.loads(body.decode(errors="surrogateescape"), parse_int=float)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("error") is not None or not isinstance(content.get("data"), list):
        return None
    return valid_and_rejected(content["data"])


def valid_and_rejected(values: Iterable[Any]) -> tuple[list[ActivityRow], Counter[str]]:
    """Return the valid rows, and the number of rejected rows by reason."""
    results = [activity_row(value, Counter()) for value in values]
    good = [row for row in results if isinstance(row, ActivityRow)]
    return good, Counter(reason for reason in results if isinstance(reason, str))


def body_of(values: Iterable[Any], **kwargs: Any) -> bytes:
    """Return a body with these rows."""
    return json.dumps({"data": list(values)}, **kwargs).encode()


def many(row: Any, size: int = 200_000) -> list[Any]:
    """Repeat a row until the rows fill several pieces."""
    return [row] * (size // len(json.dumps(row)) + 1)
