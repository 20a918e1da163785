"""Responses of the analytics API: rows become objects a few at a time, whatever is around them."""

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
    """Return the response, its rows, and how often reading it gave way to other tasks."""
    taken: list[Row] = []
    pauses = Pauses()
    response = finished(analytics_response.read(pauses, response_of(body), MOST_ROWS, Rejections(), taken.append))
    return response, taken, pauses.count


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
def test_rows_of_a_long_response(content: dict[str, Any], layout: dict[str, Any]) -> None:
    """All rows arrive once and in order, and reading them pauses at each row."""
    response, taken, pauses = read(json.dumps(content, **layout).encode())
    assert (ROWS, False, True) == (taken, response.is_whole, pauses >= len(ROWS))


def test_invalid_utf_8_and_nan_cost_only_their_row() -> None:
    """The other rows are read."""
    _, taken, _ = read(b'{"data":{"data":[{"model":"\xff"},{"model":"b"}]}}')
    assert ["\udcff", "b"] == [row["model"] for row in taken]
    _, taken, _ = read(b'{"data":{"data":[{"request_count":NaN},{"model":"b"}]}}')
    assert [["request_count"], ["model"]] == [[*row] for row in taken]


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"data":[%b1]}}' % (b"1," * (MOST_VALUES + 1)),
        b'{"data":{"data":[],"warnings":[%b[]]}}' % (b"[]," * (MOST_VALUES + 1)),
    ],
    ids=["numbers", "warnings"],
)
def test_millions_of_tiny_values_are_refused(body: bytes) -> None:
    """As objects they would fill the memory."""
    with pytest.raises(InvalidResponse, match=f"more than {MOST_VALUES} values"):
        read(body)


@pytest.mark.parametrize("body", [b'{"data":{"data":[],"data":[]}}', b'{"data":{"data":[]},"data":{"data":[]}}'])
def test_two_fields_named_data_are_refused(body: bytes) -> None:
    """Which of them holds the rows is anyone's guess."""
    with pytest.raises(InvalidResponse, match="two fields are named data"):
        read(body)


def test_only_the_first_warnings_are_kept() -> None:
    """No one reads thousands."""
    body = json.dumps({"data": {"data": [], "warnings": ["first", *map(str, range(10_000))]}}).encode()
    assert ("first", "0", "1") == read(body)[0].warnings
