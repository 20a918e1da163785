"""Today so far: the same measures as activity's, whole or not at all, and of the right day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.collectors.today import TodayCollector, TodaySettings
from exporter.errors import InvalidResponse
from exporter.simulator.usage import SimulatedAccount
from tests.collectors.analytics_samples import row, today
from tests.collectors.helpers import FIELDS, at, response_of
from tests.collectors.scripted_polls import ScriptedClient, reply, simulated
from tests.support import NOON

MIDNIGHT = 1787443200.0  # 2026-08-23 00:00 UTC
MEASURES = {
    "usage_usd": 1.5,
    "byok_usage_usd": 2.5,
    "requests": 3.0,
    "prompt_tokens": 4.0,
    "completion_tokens": 5.0,
    "reasoning_tokens": 6.0,
    "cached_tokens": 7.0,
    "byok_requests": 8.0,
}


def test_what_a_row_becomes() -> None:
    """Numbers that came as text or not; the labels are the API's names."""
    shown = today([reply([row()])]).families
    expected: dict[str, Any] = {name: {("acme/one-2026", "Acme"): value} for name, value in MEASURES.items()}
    assert expected | {"timestamp_seconds": {(): MIDNIGHT}} == shown


def test_what_is_shown_to_people() -> None:
    """Credits and own keys together, of all rows; nothing if a part of it is not known."""
    rows = [row(), row(model="acme/two-2026", credits_usage=10)]
    assert (("Spent today", 16.5),) == today([reply(rows)]).collected.summary.figures
    assert at("2026-08-24 00:00:00") == today([reply(rows)]).collected.summary.figures_until
    assert () == today([reply([row(byok_usage=None)])]).collected.summary.figures


def test_request_parameters() -> None:
    """The day from midnight to the end of this minute, in seconds; as many rows as there can be."""
    polled = today([reply([])], now=at("2026-08-23 12:34:56"))
    request = polled.client.requests[0]
    assert ("POST", "/analytics/query", "analytics_query") == (request.method, request.path, request.operation)
    content = polled.client.contents()[0]
    assert {"start": "2026-08-23T00:00:00Z", "end": "2026-08-23T12:34:59Z"} == content["time_range"]
    assert (["model", "provider"], 10000) == (content["dimensions"], content["limit"])
    assert {"metrics", "dimensions", "time_range", "limit"} == set(content)
    assert {"credits_usage", "byok_usage"} < set(content["metrics"])
    assert "total_usage" not in content["metrics"]


@pytest.mark.parametrize(
    ("now", "end"), [("2026-08-23 00:00:00", "2026-08-23T00:00:59Z"), ("2026-08-23 23:59:59", "2026-08-23T23:59:59Z")]
)
def test_the_range_is_never_empty_and_never_reaches_tomorrow(now: str, end: str) -> None:
    """Even if its end is part of it."""
    content = today([reply([], server=at(now))], now=at(now)).client.contents()[0]
    assert {"start": "2026-08-23T00:00:00Z", "end": end} == content["time_range"]


def test_at_midnight_it_is_what_activity_shows_later() -> None:
    """Each measure, summed over model and provider, of the whole day; the server's clock says that it is over."""
    shown = today(simulated(at("2026-08-24 00:00:00")), now=at("2026-08-23 23:59:59")).families
    rows = SimulatedAccount(1).rows_of_day(NOON.date())
    for measure, field in FIELDS.items():
        assert sum(getattr(row, field) for row in rows) == pytest.approx(sum(shown[measure].values()), rel=1e-12)


def test_an_empty_day_is_a_zero_without_names() -> None:
    """So that a sum over the account is 0 and not absent; nothing of yesterday is left."""
    shown = today([reply([])]).families
    assert {("", ""): 0.0} == shown["usage_usd"] == shown["cached_tokens"]
    assert {(): MIDNIGHT} == shown["timestamp_seconds"]


def test_null_is_not_zero() -> None:
    """A number that isn't known has no series; the others do."""
    shown = today([reply([row(cached_tokens=None), row("two", byok_usage=...)])]).families
    assert {("two", "Acme"): 7.0} == shown["cached_tokens"]
    assert {("acme/one-2026", "Acme"): 2.5} == shown["byok_usage_usd"]
    assert 2 == len(shown["usage_usd"])


def test_rows_without_names() -> None:
    """Null, absent and empty are one: an empty label, summed."""
    shown = today([reply([row(None, None), row(..., ...), row("", "")])]).families
    assert {("", ""): 9.0} == shown["requests"]


def test_a_bad_row_costs_no_other() -> None:
    """Each is counted under its reason."""
    bad = [
        "row",
        row(model=["a"]),
        row("b", tokens_prompt="many"),
        row("c", request_count="-1"),
        row("d", credits_usage=True),
        row("e", **dict.fromkeys(row().keys() - {"model", "provider"}, None)),
    ]
    polled = today([reply([*bad, row()])])
    pairs = {(name, "Acme"): 3.0 for name in ("", "b", "d", "acme/one-2026")}
    assert pairs == polled.families["requests"]
    assert {"model": 1, "tokens_prompt": 1, "request_count": 1, "credits_usage": 1} == dict(
        polled.rejections.unreadable
    )
    expected = {"not_an_object": 1, "missing_numbers": 1}
    assert expected == polled.rejected
    assert set(expected) <= set(TodayCollector.rejection_reasons)


def test_only_bad_rows_fail() -> None:
    """Publishing a zero would look like no use."""
    client = ScriptedClient([reply(["row"])])
    with pytest.raises(InvalidResponse, match="none of the rows is usable"):
        today(client)
    assert ["invalid_response"] == [error.status_class for error in client.failures]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"data":[]}',
        b'{"data":{"rows":[]}}',
        b'{"data":{"data":{}}}',
        b'{"data":{"data":[',
        b'{"error":{"code":500,"message":"Internal Server Error"}}',
        b"<!DOCTYPE html>",
    ],
)
def test_an_invalid_response_fails(body: bytes) -> None:
    """Nothing is published."""
    with pytest.raises(InvalidResponse):
        today([response_of(body)])


def test_the_api_says_what_is_wrong_with_status_200() -> None:
    """In its words."""
    with pytest.raises(InvalidResponse, match="an error with status 200: Internal Server Error"):
        today([response_of(b'{"error":{"code":500,"message":"Internal Server Error"}}')])


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":500,"message":"Oh no"},"data":{"data":[]}}',
        b'{"data":{"data":[]},"error":{"code":500,"message":"Oh no"}}',
        b'{"data":{"error":"Oh no","data":[]}}',
        b'{"data":{"data":[NaN]},"error":"Oh no"}',
    ],
)
def test_an_error_beside_no_rows_is_no_day_without_use(body: bytes) -> None:
    """Nor is one beside rows the whole day: none of it is shown."""
    with pytest.raises(InvalidResponse, match=r"an error with status 200: .*Oh no"):
        today([response_of(body, NOON)])


def test_no_rows_but_a_warning_is_no_day_without_use() -> None:
    """The API says that something is amiss; zeros would hide it."""
    with pytest.raises(InvalidResponse, match="no rows, and the API warns: Could not read"):
        today([reply([], warnings=["Could not read"])])


def test_a_cached_response_of_yesterday_is_not_the_new_day() -> None:
    """It was made before midnight."""
    now = at("2026-08-23 00:01:00")
    before, after = (int((now - timedelta(seconds=seconds)).timestamp() * 1000) for seconds in (61, 59))
    with pytest.raises(InvalidResponse, match="cached at 2026-08-22T23:59:59Z"):
        today([reply([row()], server=now, cachedAt=before)], now=now)
    assert (
        3.0
        == today([reply([row()], server=now, cachedAt=after)], now=now).families["requests"]["acme/one-2026", "Acme"]
    )


def test_a_response_older_than_stale_after_is_rejected() -> None:
    """It would be shown as fresh."""
    old = int((NOON - timedelta(hours=2)).timestamp() * 1000)
    with pytest.raises(InvalidResponse, match="cached at 2026-08-23T10:00:00Z"):
        today([reply([row()], cachedAt=old)], stale_after=3600.0)
    assert today([reply([row()], cachedAt=old)], stale_after=float("inf")).families["requests"]


def test_our_clock_ahead_of_the_servers() -> None:
    """The day that has not begun there is not shown: the last one is requested."""
    ours, server = at("2026-08-24 00:00:30"), at("2026-08-23 23:59:30")
    polled = today([reply([], server=server), reply([row()], server=server)], now=ours)
    ranges = [content["time_range"] for content in polled.client.contents()]
    assert {"start": "2026-08-23T00:00:00Z", "end": "2026-08-23T23:59:59Z"} == ranges[1]
    assert ({(): MIDNIGHT}, 1) == (polled.families["timestamp_seconds"], len(polled.families["requests"]))


def test_the_servers_clock_ahead_of_ours() -> None:
    """The day that we requested is over there, and still the one that is shown."""
    ours, server = at("2026-08-23 23:59:30"), at("2026-08-24 00:00:30")
    polled = today([reply([row()], server=server)], now=ours)
    assert ({(): MIDNIGHT}, 1) == (polled.families["timestamp_seconds"], len(polled.client.requests))


@pytest.mark.parametrize("server", ["2026-08-21 23:00:00", "2026-08-25 01:00:00"])
def test_clocks_days_apart_fail(server: str) -> None:
    """One of them is wrong."""
    with pytest.raises(InvalidResponse, match=r"the server's clock says 2026-08-2[15], ours 2026-08-23"):
        today([reply([row()], server=at(server))])


def test_the_days_turn() -> None:
    """Sums fall back to what the new day has; pairs that did nothing in it are gone."""
    before = today(simulated(at("2026-08-23 23:59:00")), now=at("2026-08-23 23:59:00")).families
    after = today(simulated(at("2026-08-24 00:05:00")), now=at("2026-08-24 00:05:00")).families
    assert sum(after["usage_usd"].values()) < 0.02 * sum(before["usage_usd"].values())
    assert {(): MIDNIGHT + 86_400} == after["timestamp_seconds"]


def test_the_smallest_are_folded() -> None:
    """By spend, own keys' included, then requests, then name; totals stay right."""
    rows = [row("a", credits_usage=9), row("b", byok_usage=8), row("c"), row("d", credits_usage=None), row("e")]
    polled = today([reply(rows)], max_endpoints=3)
    assert {("a", "Acme"): 3.0, ("b", "Acme"): 3.0, ("c", "Acme"): 3.0, ("other", "other"): 6.0} == polled.families[
        "requests"
    ]
    assert ("other", "other") not in polled.families["usage_usd"]  # a sum of which a part is unknown
    assert 2 == polled.collected.summary.folded


def test_settings_that_only_say_when_change_no_data() -> None:
    """Collectors with equal identities can go on from each other."""
    one, two = (TodayCollector("default", TodaySettings(interval=interval)) for interval in (60.0, 120.0))
    assert one.identity == two.identity
    assert one.identity != TodayCollector("default", TodaySettings(max_endpoints=1)).identity


def test_rows_of_another_day_are_not_added() -> None:
    """Whatever the field is called; they are counted, and totals do not lack them."""
    rows = [
        row("m", credits_usage=7, date__day="2026-08-22"),
        row("m", credits_usage=0.5, date__day="2026-08-23 00:00:00"),
        row("m", credits_usage=0.25, created_at__day=None),
        row("m", credits_usage=9, created_at__day="2026-08-24T00:00:00Z"),
    ]
    polled = today([reply(rows)])
    assert {("m", "Acme"): 0.75} == polled.families["usage_usd"]
    assert ({"another_day": 2}, 0) == (polled.rejected, polled.rejections.missing)


def test_a_row_that_comes_twice_counts_once() -> None:
    """It is counted as a duplicate; a row that differs in any field is another one."""
    polled = today([reply([row(), row(), row(region="eu")])])
    assert {("acme/one-2026", "Acme"): 6.0} == polled.families["requests"]
    assert ({"duplicate": 1}, 0) == (polled.rejected, polled.rejections.missing)


def test_a_row_without_numbers_makes_its_pair_unknown() -> None:
    """A sum of the pair's other rows would look whole; so would the figure on the page."""
    nothing = dict.fromkeys(row().keys() - {"model", "provider"}, None)
    polled = today([reply([row("lost", **nothing), row("lost", credits_usage=173.55), row("good")])])
    assert {("good", "Acme"): 1.5} == polled.families["usage_usd"]
    assert ((), 1) == (polled.collected.summary.figures, polled.rejections.missing)


def test_a_row_without_an_amount_counts_as_one_that_totals_lack() -> None:
    """Unless no row has that amount."""
    assert 1 == today([reply([row(), row("b", byok_usage=None)])]).rejections.missing
    assert 0 == today([reply([row(byok_usage=None), row("b", byok_usage=None)])]).rejections.missing


def test_without_a_date_header_an_empty_day_is_not_believed() -> None:
    """A clock that is a day ahead would make it a 0."""
    with pytest.raises(InvalidResponse, match="neither a Date header nor a row"):
        today([reply([], server=None)], now=NOON + timedelta(days=1))
    assert {("acme/one-2026", "Acme"): 3.0} == today([reply([row()], server=None)]).families["requests"]


def test_the_age_of_the_data_is_published() -> None:
    """When the API read it, if it says so, however it writes that; else the time of the response."""
    seconds = NOON.timestamp() - 150
    for cached_at in ("2026-08-23T11:57:30Z", "2026-08-23T11:57:30.000+00:00", 1787486250000, 1787486250):
        assert {(): seconds} == today([reply([row()], cachedAt=cached_at)]).counted_to
    assert {(): NOON.timestamp()} == today([reply([row()])]).counted_to


@pytest.mark.parametrize("cached_at", ["2026-08-21T11:57:30Z", "2026-08-22 23:59:59 UTC", 1787313600])
def test_data_cached_before_the_day_began_is_refused(cached_at: Any) -> None:
    """Also if the time came as text."""
    with pytest.raises(InvalidResponse, match="the response was cached at"):
        today([reply([row()], cachedAt=cached_at)])


def test_free_models_are_folded_by_requests() -> None:
    """They cost nothing: the busiest stay."""
    rows = [
        row(name, credits_usage=0, byok_usage=0, request_count=str(n)) for name, n in (("a", 1), ("b", 9), ("c", 3))
    ]
    assert {("b", "Acme"), ("other", "other")} == set(today([reply(rows)], max_endpoints=1).families["requests"])
