"""Usage of today: the same measures as in activity, complete or absent, and of the right day."""

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


def test_row_is_published_with_every_measure() -> None:
    """Numbers may be strings, and labels have the API's names."""
    shown = today([reply([row()])]).families
    expected: dict[str, Any] = {name: {("acme/one-2026", "Acme"): value} for name, value in MEASURES.items()}
    assert expected | {"timestamp_seconds": {(): MIDNIGHT}} == shown


def test_summary_has_the_spend_of_today_with_byok_usage() -> None:
    """It is absent if any part of it is unknown."""
    rows = [row(), row(model="acme/two-2026", credits_usage=10)]
    assert (("Spent today", 16.5),) == today([reply(rows)]).collected.summary.figures
    assert at("2026-08-24 00:00:00") == today([reply(rows)]).collected.summary.figures_until
    assert () == today([reply([row(byok_usage=None)])]).collected.summary.figures


def test_request_covers_today_up_to_the_end_of_this_minute() -> None:
    """Its limit is the maximum number of rows that the API returns."""
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
def test_time_range_is_never_empty_and_never_reaches_tomorrow(now: str, end: str) -> None:
    """The API includes the end of the range."""
    content = today([reply([], server=at(now))], now=at(now)).client.contents()[0]
    assert {"start": "2026-08-23T00:00:00Z", "end": end} == content["time_range"]


def test_sums_at_midnight_are_those_of_activity_for_that_day() -> None:
    shown = today(simulated(at("2026-08-24 00:00:00")), now=at("2026-08-23 23:59:59")).families
    rows = SimulatedAccount(1).rows_of_day(NOON.date())
    for measure, field in FIELDS.items():
        assert sum(getattr(row, field) for row in rows) == pytest.approx(sum(shown[measure].values()), rel=1e-12)


def test_day_without_rows_is_a_0_with_empty_labels() -> None:
    """A sum over the account is then 0 and not absent."""
    shown = today([reply([])]).families
    assert {("", ""): 0.0} == shown["usage_usd"] == shown["cached_tokens"]
    assert {(): MIDNIGHT} == shown["timestamp_seconds"]


def test_null_has_no_series() -> None:
    """The other values are published."""
    shown = today([reply([row(cached_tokens=None), row("two", byok_usage=...)])]).families
    assert {("two", "Acme"): 7.0} == shown["cached_tokens"]
    assert {("acme/one-2026", "Acme"): 2.5} == shown["byok_usage_usd"]
    assert 2 == len(shown["usage_usd"])


def test_null_missing_and_empty_labels_are_summed_as_one() -> None:
    shown = today([reply([row(None, None), row(..., ...), row("", "")])]).families
    assert {("", ""): 9.0} == shown["requests"]


def test_invalid_rows_and_fields_are_counted_and_affect_no_other() -> None:
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


def test_poll_fails_if_all_rows_are_invalid() -> None:
    """A 0 would look like no usage."""
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
def test_invalid_body_fails_the_poll(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        today([response_of(body)])


def test_error_with_status_200_fails_with_the_message_of_the_api() -> None:
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
def test_error_beside_rows_fails_the_poll(body: bytes) -> None:
    """The rows may be incomplete."""
    with pytest.raises(InvalidResponse, match=r"an error with status 200: .*Oh no"):
        today([response_of(body, NOON)])


def test_warning_without_rows_fails_the_poll() -> None:
    """Zeros would hide that something is wrong."""
    with pytest.raises(InvalidResponse, match="no rows, and the API warns: Could not read"):
        today([reply([], warnings=["Could not read"])])


def test_response_cached_before_midnight_is_refused() -> None:
    now = at("2026-08-23 00:01:00")
    before, after = (int((now - timedelta(seconds=seconds)).timestamp() * 1000) for seconds in (61, 59))
    with pytest.raises(InvalidResponse, match="cached at 2026-08-22T23:59:59Z"):
        today([reply([row()], server=now, cachedAt=before)], now=now)
    assert (
        3.0
        == today([reply([row()], server=now, cachedAt=after)], now=now).families["requests"]["acme/one-2026", "Acme"]
    )


def test_cached_response_older_than_stale_after_is_refused() -> None:
    """It would look fresh."""
    old = int((NOON - timedelta(hours=2)).timestamp() * 1000)
    with pytest.raises(InvalidResponse, match="cached at 2026-08-23T10:00:00Z"):
        today([reply([row()], cachedAt=old)], stale_after=3600.0)
    assert today([reply([row()], cachedAt=old)], stale_after=float("inf")).families["requests"]


def test_last_day_is_requested_if_today_has_not_begun_by_the_servers_clock() -> None:
    ours, server = at("2026-08-24 00:00:30"), at("2026-08-23 23:59:30")
    polled = today([reply([], server=server), reply([row()], server=server)], now=ours)
    ranges = [content["time_range"] for content in polled.client.contents()]
    assert {"start": "2026-08-23T00:00:00Z", "end": "2026-08-23T23:59:59Z"} == ranges[1]
    assert ({(): MIDNIGHT}, 1) == (polled.families["timestamp_seconds"], len(polled.families["requests"]))


def test_requested_day_is_published_if_the_servers_clock_is_past_it() -> None:
    ours, server = at("2026-08-23 23:59:30"), at("2026-08-24 00:00:30")
    polled = today([reply([row()], server=server)], now=ours)
    assert ({(): MIDNIGHT}, 1) == (polled.families["timestamp_seconds"], len(polled.client.requests))


@pytest.mark.parametrize("server", ["2026-08-21 23:00:00", "2026-08-25 01:00:00"])
def test_clocks_that_are_days_apart_fail_the_poll(server: str) -> None:
    with pytest.raises(InvalidResponse, match=r"the server's clock says 2026-08-2[15], ours 2026-08-23"):
        today([reply([row()], server=at(server))])


def test_new_day_replaces_the_values_of_the_last() -> None:
    """Labels without usage on the new day disappear."""
    before = today(simulated(at("2026-08-23 23:59:00")), now=at("2026-08-23 23:59:00")).families
    after = today(simulated(at("2026-08-24 00:05:00")), now=at("2026-08-24 00:05:00")).families
    assert sum(after["usage_usd"].values()) < 0.02 * sum(before["usage_usd"].values())
    assert {(): MIDNIGHT + 86_400} == after["timestamp_seconds"]


def test_smallest_models_are_folded_by_spend_requests_and_name() -> None:
    """Totals stay right."""
    rows = [row("a", credits_usage=9), row("b", byok_usage=8), row("c"), row("d", credits_usage=None), row("e")]
    polled = today([reply(rows)], max_endpoints=3)
    assert {("a", "Acme"): 3.0, ("b", "Acme"): 3.0, ("c", "Acme"): 3.0, ("other", "other"): 6.0} == polled.families[
        "requests"
    ]
    assert ("other", "other") not in polled.families["usage_usd"]  # its sum is unknown without one of its parts
    assert 2 == polled.collected.summary.folded


def test_interval_is_not_part_of_the_collectors_identity() -> None:
    """Collectors with equal identities can take over each other's data."""
    one, two = (TodayCollector("default", TodaySettings(interval=interval)) for interval in (60.0, 120.0))
    assert one.identity == two.identity
    assert one.identity != TodayCollector("default", TodaySettings(max_endpoints=1)).identity


def test_rows_of_another_day_are_rejected_and_counted() -> None:
    """The field may have either name. Totals do not lack these rows."""
    rows = [
        row("m", credits_usage=7, date__day="2026-08-22"),
        row("m", credits_usage=0.5, date__day="2026-08-23 00:00:00"),
        row("m", credits_usage=0.25, created_at__day=None),
        row("m", credits_usage=9, created_at__day="2026-08-24T00:00:00Z"),
    ]
    polled = today([reply(rows)])
    assert {("m", "Acme"): 0.75} == polled.families["usage_usd"]
    assert ({"another_day": 2}, 0) == (polled.rejected, polled.rejections.missing)


def test_identical_rows_count_once_and_as_a_duplicate() -> None:
    """A row that differs in any field is a different one."""
    polled = today([reply([row(), row(), row(region="eu")])])
    assert {("acme/one-2026", "Acme"): 6.0} == polled.families["requests"]
    assert ({"duplicate": 1}, 0) == (polled.rejected, polled.rejections.missing)


def test_row_without_numbers_makes_its_series_absent() -> None:
    """The sum of the other rows would be too small."""
    nothing = dict.fromkeys(row().keys() - {"model", "provider"}, None)
    polled = today([reply([row("lost", **nothing), row("lost", credits_usage=173.55), row("good")])])
    assert {("good", "Acme"): 1.5} == polled.families["usage_usd"]
    assert ((), 1) == (polled.collected.summary.figures, polled.rejections.missing)


def test_row_without_an_amount_counts_as_missing_from_totals() -> None:
    """It does not if no row has that amount."""
    assert 1 == today([reply([row(), row("b", byok_usage=None)])]).rejections.missing
    assert 0 == today([reply([row(byok_usage=None), row("b", byok_usage=None)])]).rejections.missing


def test_empty_day_without_a_date_header_fails_the_poll() -> None:
    """A clock that is a day ahead would publish a 0."""
    with pytest.raises(InvalidResponse, match="neither a Date header nor a row"):
        today([reply([], server=None)], now=NOON + timedelta(days=1))
    assert {("acme/one-2026", "Acme"): 3.0} == today([reply([row()], server=None)]).families["requests"]


def test_data_timestamp_is_the_time_of_the_cache_or_of_the_response() -> None:
    """The API writes the time in several formats."""
    seconds = NOON.timestamp() - 150
    for cached_at in ("2026-08-23T11:57:30Z", "2026-08-23T11:57:30.000+00:00", 1787486250000, 1787486250):
        assert {(): seconds} == today([reply([row()], cachedAt=cached_at)]).counted_to
    assert {(): NOON.timestamp()} == today([reply([row()])]).counted_to


@pytest.mark.parametrize("cached_at", ["2026-08-21T11:57:30Z", "2026-08-22 23:59:59 UTC", 1787313600])
def test_data_cached_before_the_day_began_is_refused(cached_at: Any) -> None:
    with pytest.raises(InvalidResponse, match="the response was cached at"):
        today([reply([row()], cachedAt=cached_at)])


def test_free_models_are_folded_by_requests() -> None:
    rows = [
        row(name, credits_usage=0, byok_usage=0, request_count=str(n)) for name, n in (("a", 1), ("b", 9), ("c", 3))
    ]
    assert {("b", "Acme"), ("other", "other")} == set(today([reply(rows)], max_endpoints=1).families["requests"])
