"""Responses of the analytics API become rows in small steps, whatever other fields surround them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.api import analytics_response
from exporter.api.analytics_response import MOST_ROWS, MOST_VALUES, AnalyticsResponse, Row
from exporter.api.rejections import Rejections
from exporter.errors import InvalidResponse
from tests.collectors.helpers import response_of
from tests.support import Pauses, finished

ROWS: list[Row] = [{"model": f"acme/{number}, {{x}},{{y}}", "request_count": str(number)} for number in range(30_000)]
METADATA = {"row_count": len(ROWS), "truncated": True}


def read(body: bytes) -> tuple[AnalyticsResponse, list[Row], int]:
    """Return the response, its rows, and how often reading it yielded to other tasks."""
    collected: list[Row] = []
    pauses = Pauses()
    response = finished(analytics_response.read(pauses, response_of(body), MOST_ROWS, Rejections(), collected.append))
    return response, collected, pauses.count


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"data": ROWS, "metadata": METADATA}},
        {"data": {"metadata": METADATA, "data": ROWS}},
        {"data": {"cachedAt": 1785527648977, "warnings": ["one", "two"], "metadata": METADATA, "data": ROWS}},
        {"id": "abc", "data": {"metadata": METADATA, "data": ROWS}},
        {"id": "data", "data": {"metadata": METADATA, "data": ROWS}},
    ],
    ids=["rows first", "metadata first", "everything first", "a field before", "a text that reads data"],
)
@pytest.mark.parametrize("layout", [{"separators": (",", ":")}, {}, {"indent": 2}], ids=["dense", "spaced", "lines"])
def test_rows_of_a_long_response_arrive_once_and_in_order(content: dict[str, Any], layout: dict[str, Any]) -> None:
    """Reading yields to other tasks at each row."""
    response, collected, pauses = read(json.dumps(content, **layout).encode())
    assert (ROWS, False, True) == (collected, response.is_whole, pauses >= len(ROWS))


def test_invalid_utf_8_or_nan_affects_only_its_own_row() -> None:
    _, collected, _ = read(b'{"data":{"data":[{"model":"\xff"},{"model":"b"}]}}')
    assert ["\udcff", "b"] == [row["model"] for row in collected]
    _, collected, _ = read(b'{"data":{"data":[{"request_count":NaN},{"model":"b"}]}}')
    assert [["request_count"], ["model"]] == [[*row] for row in collected]


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"data":[%b1]}}' % (b"1," * (MOST_VALUES + 1)),
        b'{"data":{"data":[],"warnings":[%b[]]}}' % (b"[]," * (MOST_VALUES + 1)),
    ],
    ids=["numbers", "warnings"],
)
def test_millions_of_tiny_values_are_refused(body: bytes) -> None:
    """Decoded into objects, they would exhaust the memory."""
    with pytest.raises(InvalidResponse, match=f"more than {MOST_VALUES} values"):
        read(body)


@pytest.mark.parametrize("body", [b'{"data":{"data":[],"data":[]}}', b'{"data":{"data":[]},"data":{"data":[]}}'])
def test_two_fields_named_data_are_refused(body: bytes) -> None:
    """It would be ambiguous which of the two contains the rows."""
    with pytest.raises(InvalidResponse, match="two fields are named data"):
        read(body)


def test_only_the_first_warnings_are_kept() -> None:
    body = json.dumps({"data": {"data": [], "warnings": ["first", *map(str, range(10_000))]}}).encode()
    assert ("first", "0", "1") == read(body)[0].warnings
