"""Long answers of the analytics API are read in pieces, however they are laid out; what can't be cut is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.api import analytics_response
from exporter.api.analytics_response import LONGEST_PIECE, MOST_ROWS, AnalyticsResponse, Row
from exporter.api.rejections import Rejections
from exporter.errors import InvalidResponse
from tests.collectors.helpers import answer

ROWS: list[Row] = [{"model": f"acme/{number}, {{x}},{{y}}", "request_count": str(number)} for number in range(30_000)]
METADATA = {"row_count": len(ROWS), "truncated": True}


def read(body: bytes) -> tuple[AnalyticsResponse, list[Row], int]:
    """Return the reply, its rows, and the number of turns that others had while it was read."""
    taken: list[Row] = []
    reading = analytics_response.read(answer(body), MOST_ROWS, Rejections(), taken.append)
    turns = 0
    while True:
        try:
            next(reading)
        except StopIteration as stop:
            return stop.value, taken, turns
        turns += 1


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"data": ROWS, "metadata": METADATA}},
        {"data": {"metadata": METADATA, "data": ROWS}},
        {"data": {"cachedAt": 1785527648977, "warnings": ["one", "two"], "metadata": METADATA, "data": ROWS}},
        {"id": "abc", "data": {"metadata": METADATA, "data": ROWS}},
    ],
    ids=["rows first", "metadata first", "everything first", "something before"],
)
@pytest.mark.parametrize("layout", [{"separators": (",", ":")}, {}, {"indent": 2}], ids=["dense", "spaced", "lines"])
def test_a_long_answer(content: dict[str, Any], layout: dict[str, Any]) -> None:
    """All rows are there, once and in order, what is said about them too, and others had their turns meanwhile."""
    body = json.dumps(content, **layout).encode()
    assert len(body) > LONGEST_PIECE
    reply, taken, turns = read(body)
    assert (ROWS, False, True) == (taken, reply.is_whole, turns > len(body) // LONGEST_PIECE)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"data":[%b1]}}' % (b"1," * LONGEST_PIECE),
        b'{"data":{"data":[{"model":"%b"}]}}' % (b"x" * LONGEST_PIECE),
        b'{"data":{"data":[],"warnings":[%b[]]}}' % (b"[]," * LONGEST_PIECE),
    ],
    ids=["numbers", "one row", "warnings"],
)
def test_what_can_not_be_cut_is_not_decoded_in_one_go(body: bytes) -> None:
    """It would take the time of hundreds of scrapes."""
    with pytest.raises(InvalidResponse, match="nothing to decode in"):
        read(body)


def test_only_the_first_warnings_are_kept() -> None:
    """Nobody reads thousands."""
    body = json.dumps({"data": {"data": [], "warnings": ["first", *map(str, range(10_000))]}}).encode()
    assert ("first", "0", "1") == read(body)[0].warnings
