"""Responses that are cut off, and large ones: the whole, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.collectors.today import MOST_REQUESTS
from exporter.errors import InvalidResponse, TooManyRows
from tests.collectors.analytics_samples import row, today
from tests.collectors.helpers import response_of
from tests.collectors.scripted_polls import Reply, ScriptedClient, reply, simulated


def test_a_truncated_response_is_read_in_parts() -> None:
    """Together they are the whole, to the last token."""
    whole = today(simulated()).families
    parts = today(simulated(rows=12))
    assert whole == parts.families
    assert 1 < len(parts.client.requests) <= MOST_REQUESTS


def test_parts_are_a_half_and_its_complement() -> None:
    """By the models that were seen, and `not_in` for all others."""
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
def test_every_sign_of_a_cut_counts(cut: dict[str, Any]) -> None:
    """The flag, or more rows counted than sent."""
    polled = today([reply([row("a")], **cut), reply([row("b")]), reply([row("a")])])
    assert (3, {"a", "b"}) == (len(polled.client.requests), {model for model, _ in polled.families["requests"]})


def test_as_many_rows_as_requested_may_be_a_part() -> None:
    """Whatever the flag says."""
    full = reply(row(f"m{number % 10}", str(number)) for number in range(10_000))
    halves = [reply(row(f"m{number}") for number in part) for part in (range(5, 10), range(5))]
    polled = today([full, *halves])
    assert 10 == len(polled.families["requests"])


@pytest.mark.parametrize("model", ["one", ""])
def test_a_response_that_cannot_be_divided_fails(model: str) -> None:
    """One model that never fits, or rows without a model that don't."""

    def never_fits(request: Any) -> Reply:
        filters = json.loads(request.content).get("filters", [])
        heeded = all((model in condition["value"]) == (condition["operator"] == "in") for condition in filters)
        return reply([row(model)], truncated=True) if heeded else reply([])

    with pytest.raises(TooManyRows, match="cannot be divided"):
        today(ScriptedClient(never_fits))


def test_there_is_an_end_to_dividing() -> None:
    """So many requests a poll, and no more."""

    def endless(request: Any) -> Reply:
        filters = json.loads(request.content).get("filters", [])
        models = next((condition["value"] for condition in filters if condition["operator"] == "in"), None)
        names = models or [f"model-{len(filters)}-{number}" for number in range(8)]
        return reply([row(name) for name in names], truncated=True)

    client = ScriptedClient(endless)
    with pytest.raises(TooManyRows):
        today(client)
    assert len(client.requests) <= MOST_REQUESTS


def test_a_filter_that_is_not_heeded_fails() -> None:
    """Its rows would count twice."""
    rows = [row(name) for name in "ab"]
    with pytest.raises(InvalidResponse, match="count twice"):
        today([reply(rows, truncated=True), reply(rows)])


def test_rows_of_a_part_that_is_thrown_away_are_not_rejected_twice() -> None:
    """Only those of the parts that count."""
    rows = [row("a"), row("b"), "bad"]
    polled = today([reply(rows, truncated=True), reply(["bad", row("b")]), reply([row("a")])])
    assert {"not_an_object": 1} == polled.rejected


def test_a_large_response_is_read_in_steps() -> None:
    """Ten thousand rows less one, cut anywhere; a text in one looks like a row's end."""
    rows = [row(f"acme/{number}", 'a "},{" b' if number % 7 == 0 else "é") for number in range(9_999)]
    shown = today([reply(rows)], max_endpoints=20_000).families
    assert {(row["model"], row["provider"]): 3.0 for row in rows} == shown["requests"]


@pytest.mark.parametrize("layout", [{"indent": 1}, {"separators": (",", ":")}, {"separators": (", ", ": ")}])
def test_any_layout_is_read(layout: dict[str, Any]) -> None:
    """Pretty, dense or in between, with a bad row in the middle."""
    rows: list[Any] = [row(f"acme/{number}") for number in range(2_000)]
    rows[1_000] = [1]
    body = json.dumps({"data": {"data": rows, "metadata": {"row_count": 2_000, "truncated": False}}}, **layout)
    polled = today([response_of(body.encode())])
    assert (1_999, {"not_an_object": 1}) == (len(polled.families["requests"]), polled.rejected)


@pytest.mark.parametrize("rows", [3, 5_000])
@pytest.mark.parametrize("number", [rb'"\ud800"', b'"\xff"', b"NaN", b"[]", b"1e999", b"-Infinity", b"1" * 400])
def test_what_is_hardly_json_costs_its_field_alone(rows: int, number: bytes) -> None:
    """In a short response as in a long one."""
    whole = b"".join(reply(row(f"acme/{number}") for number in range(rows)).chunks)
    start = b'"acme/1","provider":"Acme","credits_usage":'
    assert 1 == whole.count(start + b"1.5")
    polled = today([response_of(whole.replace(start + b"1.5", start + number))])
    assert (rows, rows - 1) == (len(polled.families["requests"]), len(polled.families["usage_usd"]))
    assert ({}, {"credits_usage": 1}) == (polled.rejected, dict(polled.rejections.unreadable))


def test_a_large_truncated_response_fails() -> None:
    """However late."""
    body = b"".join(reply(row(f"acme/{number}") for number in range(5_000)).chunks)
    with pytest.raises(InvalidResponse):
        today([response_of(body[:-200])])
