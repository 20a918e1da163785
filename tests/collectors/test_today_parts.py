"""Truncated and large responses: all rows are published, or the poll fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.collectors.today import MOST_REQUESTS
from exporter.errors import InvalidResponse, TooManyRows
from tests.collectors.analytics_samples import row, today
from tests.collectors.helpers import response_of
from tests.collectors.scripted_polls import Reply, ScriptedClient, reply, simulated


def test_truncated_response_is_read_in_parts_with_the_same_sums() -> None:
    whole = today(simulated()).families
    parts = today(simulated(rows=12))
    assert whole == parts.families
    assert 1 < len(parts.client.requests) <= MOST_REQUESTS


def test_parts_are_half_of_the_models_and_all_others() -> None:
    """The filters are `in` and `not_in`."""
    rows = [row(name) for name in "abcd"]
    polled = today([reply(rows[:3], truncated=True), reply(rows[2:]), reply(rows[:2])])
    filters = [content.get("filters") for content in polled.client.contents()]
    half = {"field": "model", "operator": "not_in", "value": ["a", "b"]}
    assert [None, [half], [half | {"operator": "in"}]] == filters
    assert set("abcd") == {model for model, _ in polled.families["requests"]}


@pytest.mark.parametrize(
    "cut",
    [{"truncated": True}, {"truncated": "true"}, {"row_count": 5}, {"row_count": "5"}],
)
def test_flag_or_row_count_marks_a_truncated_response(cut: dict[str, Any]) -> None:
    polled = today([reply([row("a")], **cut), reply([row("b")]), reply([row("a")])])
    assert (3, {"a", "b"}) == (len(polled.client.requests), {model for model, _ in polled.families["requests"]})


def test_response_with_the_maximum_of_rows_is_taken_for_truncated() -> None:
    """The flag may be missing."""
    full = reply(row(f"m{number % 10}", str(number)) for number in range(10_000))
    halves = [reply(row(f"m{number}") for number in part) for part in (range(5, 10), range(5))]
    polled = today([full, *halves])
    assert 10 == len(polled.families["requests"])


@pytest.mark.parametrize("model", ["one", ""])
def test_truncated_response_of_one_model_fails(model: str) -> None:
    """It cannot be divided further, and neither can rows without a model."""

    def never_fits(request: Any) -> Reply:
        filters = json.loads(request.content).get("filters", [])
        heeded = all((model in condition["value"]) == (condition["operator"] == "in") for condition in filters)
        return reply([row(model)], truncated=True) if heeded else reply([])

    with pytest.raises(TooManyRows, match="cannot be divided"):
        today(ScriptedClient(never_fits))


def test_number_of_requests_per_poll_is_limited() -> None:
    def endless(request: Any) -> Reply:
        filters = json.loads(request.content).get("filters", [])
        models = next((condition["value"] for condition in filters if condition["operator"] == "in"), None)
        names = models or [f"model-{len(filters)}-{number}" for number in range(8)]
        return reply([row(name) for name in names], truncated=True)

    client = ScriptedClient(endless)
    with pytest.raises(TooManyRows):
        today(client)
    assert len(client.requests) <= MOST_REQUESTS


def test_ignored_filter_fails_the_poll() -> None:
    """Its rows would count twice."""
    rows = [row(name) for name in "ab"]
    with pytest.raises(InvalidResponse, match="count twice"):
        today([reply(rows, truncated=True), reply(rows)])


def test_rejected_rows_of_a_discarded_response_are_not_counted() -> None:
    rows = [row("a"), row("b"), "bad"]
    polled = today([reply(rows, truncated=True), reply(["bad", row("b")]), reply([row("a")])])
    assert {"not_an_object": 1} == polled.rejected


def test_large_response_is_read_completely() -> None:
    """Some values look like the end of a row."""
    rows = [row(f"acme/{number}", 'a "},{" b' if number % 7 == 0 else "é") for number in range(9_999)]
    shown = today([reply(rows)], max_endpoints=20_000).families
    assert {(row["model"], row["provider"]): 3.0 for row in rows} == shown["requests"]


@pytest.mark.parametrize("layout", [{"indent": 1}, {"separators": (",", ":")}, {"separators": (", ", ": ")}])
def test_any_json_layout_is_read(layout: dict[str, Any]) -> None:
    rows: list[Any] = [row(f"acme/{number}") for number in range(2_000)]
    rows[1_000] = [1]
    body = json.dumps({"data": {"data": rows, "metadata": {"row_count": 2_000, "truncated": False}}}, **layout)
    polled = today([response_of(body.encode())])
    assert (1_999, {"not_an_object": 1}) == (len(polled.families["requests"]), polled.rejected)


@pytest.mark.parametrize("rows", [3, 5_000])
@pytest.mark.parametrize("number", [rb'"\ud800"', b'"\xff"', b"NaN", b"[]", b"1e999", b"-Infinity", b"1" * 400])
def test_invalid_number_or_text_makes_only_its_field_unreadable(rows: int, number: bytes) -> None:
    """This holds for short and long responses."""
    whole = b"".join(reply(row(f"acme/{number}") for number in range(rows)).chunks)
    start = b'"acme/1","provider":"Acme","credits_usage":'
    assert 1 == whole.count(start + b"1.5")
    polled = today([response_of(whole.replace(start + b"1.5", start + number))])
    assert (rows, rows - 1) == (len(polled.families["requests"]), len(polled.families["usage_usd"]))
    assert ({}, {"credits_usage": 1}) == (polled.rejected, dict(polled.rejections.unreadable))


def test_truncated_body_fails_the_poll() -> None:
    body = b"".join(reply(row(f"acme/{number}") for number in range(5_000)).chunks)
    with pytest.raises(InvalidResponse):
        today([response_of(body[:-200])])
