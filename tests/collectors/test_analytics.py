"""Custom analytics queries: families in base units, checked names, and no sum of values that must not be summed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.collectors.analytics.analytics_collector import AnalyticsCollector
from exporter.collectors.analytics.configured_queries import AnalyticsFilter
from exporter.errors import InvalidResponse, TooManyRows
from tests.collectors.analytics_samples import META, PREFIX, analytics, collector, query
from tests.collectors.helpers import at, response_of
from tests.collectors.scripted_polls import ScriptedClient, poll_once, reply, simulated
from tests.support import NOON


def test_request_has_the_time_range_the_filters_and_a_limit_of_one_more_row() -> None:
    """The additional row shows that there are more rows than may be published."""
    filters = (
        AnalyticsFilter(field="provider", operator="in", values=("OpenAI", "Azure")),
        AnalyticsFilter(field="model", operator="neq", values=("acme/one",)),
    )
    configured = query(metrics="request_count p99_latency", filters=filters, range=3600.0, max_series=500)
    now = at("2026-08-23 12:34:56")
    client = ScriptedClient([META, reply([])])
    poll_once(collector(configured), client, now=now)
    assert [("GET", "/analytics/meta", "analytics_meta"), ("POST", "/analytics/query", "analytics_query")] == [
        (request.method, request.path, request.operation) for request in client.requests
    ]
    assert client.contents() == [
        {
            "metrics": ["request_count", "p99_latency"],
            "dimensions": ["model"],
            "time_range": {"start": "2026-08-23T11:34:00Z", "end": "2026-08-23T12:34:00Z"},
            "filters": [
                {"field": "provider", "operator": "in", "value": ["OpenAI", "Azure"]},
                {"field": "model", "operator": "neq", "value": "acme/one"},
            ],
            "order_by": {"field": "request_count", "direction": "desc"},
            "limit": 501,
        }
    ]


@pytest.mark.parametrize(
    ("metric", "value", "family", "published"),
    [
        ("request_count", "1523", "requests", 1523.0),
        ("tokens_total", "10800", "tokens", 10800.0),
        ("reasoning_tokens", 4373, "reasoning_tokens", 4373.0),
        ("byok_request_count", "2", "byok_requests", 2.0),
        ("guardrail_invoked_count", "3", "guardrail_invoked_requests", 3.0),
        ("response_cached_count", "4", "response_cached_requests", 4.0),
        ("total_usage", 0.012887, "total_usage_usd", 0.012887),
        ("usage_data", -1.25, "usage_data_usd", -1.25),
        ("byok_fees", "0.5", "byok_fees_usd", 0.5),
        ("blended_cost_per_million_tokens", 1.19, "blended_cost_per_million_tokens_usd", 1.19),
        ("p99_latency", 1853, "p99_latency_seconds", 1.853),
        ("avg_inter_token_latency", 20, "avg_inter_token_latency_seconds", 0.02),
        ("p50_total_time_to_first_token", 250, "p50_total_time_to_first_token_seconds", 0.25),
        ("p95_generation_time", 9000, "p95_generation_time_seconds", 9.0),
        ("avg_throughput", "24.18", "avg_throughput_tokens_per_second", 24.18),
        ("cache_hit_rate", 0.25, "cache_hit_ratio", 0.25),
    ],
)
def test_families_are_in_base_units_and_named_for_them(metric: str, value: Any, family: str, published: float) -> None:
    polled = analytics(query(metrics=metric), replies=[reply([{"model": "acme/one", metric: value}])])
    assert {family: {("one", "acme/one"): published}} == polled.families


def test_null_and_absent_values_have_no_series() -> None:
    """A rate without requests is not 0."""
    rows = [{"model": "a", "cache_hit_rate": None}, {"model": "b"}, {"model": "c", "cache_hit_rate": 0}]
    polled = analytics(query(metrics="cache_hit_rate"), replies=[reply(rows)])
    assert {("one", "c"): 0.0} == polled.families["cache_hit_ratio"]


@pytest.mark.parametrize("key", ["date__hour", "created_at__hour"])
def test_fields_that_were_not_requested_are_not_labels(key: str) -> None:
    """The API adds a time under either name, and the e-mail address of a user."""
    row = {key: "2026-07-31 18:00:00", "user": "Ada", "user_email": "ada@example.com", "request_count": "3"}
    polled = analytics(query(dimensions="user"), replies=[reply([row])])
    assert {"requests": {("one", "Ada"): 3.0}} == polled.families
    assert "example.com" not in str(polled.families)


def test_email_address_of_an_unreadable_row_is_not_logged() -> None:
    """Only the name of the unreadable field is logged."""
    broken = rb'{"data":{"data":[{"user":"\ud800","user_email":"ada@example.com"},{"user":"Ada","request_count":3}]}}'
    polled = analytics(query(dimensions="user"), replies=[response_of(broken, NOON)])
    assert {("one", "Ada"): 3.0} == polled.families["requests"]
    assert {"user": 1} == dict(polled.rejections.unreadable)
    assert "example.com" not in str(polled.rejections)


def test_booleans_and_numbers_become_label_text_and_null_is_empty() -> None:
    values = (True, False, 128, None, "global")
    rows = [{"model": value, "request_count": str(number)} for number, value in enumerate(values, 1)]
    polled = analytics(query(), replies=[reply(rows)])
    expected = {"true": 1.0, "false": 2.0, "128": 3.0, "": 4.0, "global": 5.0}
    assert {("one", name): value for name, value in expected.items()} == polled.families["requests"]


def test_labels_of_a_family_are_the_union_of_its_queries_dimensions() -> None:
    """A dimension that a query does not have is empty."""
    first = query("by_model", "request_count total_usage", "model")
    second = query("by_key", "request_count", "api_key_id provider")
    third = query("in_all", "request_count", "")
    polled = analytics(
        first,
        second,
        third,
        replies=[
            reply([{"model": "a", "request_count": "1", "total_usage": 2}]),
            reply([{"api_key_id": "k", "provider": "P", "request_count": "3"}]),
            reply([{"request_count": "4"}]),
        ],
    )
    assert polled.families == {
        "requests": {("by_model", "a", "", ""): 1.0, ("by_key", "", "k", "P"): 3.0, ("in_all", "", "", ""): 4.0},
        "total_usage_usd": {("by_model", "a"): 2.0},
    }
    labels = {declaration.name: declaration.labels for declaration in collector(first, second, third).declarations()}
    assert ("account", "query", "model", "api_key_id", "provider") == labels[f"{PREFIX}requests"]


def test_rows_with_equal_labels_are_summed_and_their_rates_are_absent() -> None:
    """Two keys may have the same name. Neither of their rates would be right for both."""
    rows = [
        {"api_key_id": "staging", "request_count": "3", "cache_hit_rate": 0.5},
        {"api_key_id": "staging", "request_count": "4", "cache_hit_rate": 0.1},
        {"api_key_id": "batch", "request_count": "5", "cache_hit_rate": 0.2},
    ]
    polled = analytics(query(metrics="request_count cache_hit_rate", dimensions="api_key_id"), replies=[reply(rows)])
    assert {("one", "staging"): 7.0, ("one", "batch"): 5.0} == polled.families["requests"]
    assert {("one", "batch"): 0.2} == polled.families["cache_hit_ratio"]
    assert {} == polled.rejected


@pytest.mark.parametrize("number", [2, 3])
def test_rows_with_equal_labels_are_not_rejected(number: int) -> None:
    """They come with every poll and are valid."""
    rows: list[dict[str, Any]] = [{"api_key_id": "staging", "request_count": str(n)} for n in range(number)]
    polled = analytics(query(dimensions="api_key_id"), replies=[reply(rows)])
    assert ({("one", "staging"): sum(range(number))}, {}) == (polled.families["requests"], polled.rejected)
    rows = [{"api_key_id": "staging", "p50_latency": count} for count in range(number)]
    polled = analytics(query(metrics="p50_latency", dimensions="api_key_id"), replies=[reply(rows)])
    assert ({}, {}) == (polled.families["p50_latency_seconds"], polled.rejected)


def test_several_rows_of_a_query_without_dimensions_fail_the_query() -> None:
    """Their sum might be twice the usage."""
    rows = [{"request_count": "3"}, {"request_count": "4"}]
    with pytest.raises(InvalidResponse, match="query one: several rows for a query without dimensions"):
        analytics(query(dimensions=""), replies=[reply(rows)])
    polled = analytics(query(dimensions=""), replies=[reply(rows[:1] * 2)])
    assert {"requests": {("one",): 3.0}} == polled.families


def test_identical_rows_count_once() -> None:
    """Rows that differ in a field that is not read are different rows."""
    rows = [{"model": "a", "request_count": "3"}, {"model": "a", "request_count": "3", "region": "eu"}]
    polled = analytics(query(), replies=[reply([*rows, rows[0]])])
    assert ({("one", "a"): 6.0}, {"duplicate": 1}) == (polled.families["requests"], polled.rejected)


@pytest.mark.parametrize("cached_at", ["2026-08-23T11:57:30Z", 1787486250000, "2026-08-23 11:57:30 UTC"])
def test_data_timestamp_of_each_query_is_published(cached_at: Any) -> None:
    """It is the time at which the API cached the data, or the time of the response."""
    queries = [query("first"), query("second")]
    rows = [{"model": "a", "request_count": "3"}]
    polled = analytics(*queries, replies=[reply(rows, cachedAt=cached_at), reply(rows)])
    assert {("first",): NOON.timestamp() - 150, ("second",): NOON.timestamp()} == polled.counted_to


def test_invalid_row_affects_no_other_and_is_counted_by_reason() -> None:
    rows = [
        None,
        {"model": {}, "p50_latency": 2000},
        {"model": "b", "p50_latency": "fast"},
        {"model": "c", "p50_latency": -1},
        {"model": "d", "p50_latency": 1000},
    ]
    polled = analytics(query(metrics="p50_latency"), replies=[reply(rows)])
    assert {("one", "d"): 1.0, ("one", ""): 2.0} == polled.families["p50_latency_seconds"]
    assert {"not_an_object": 1} == polled.rejected
    assert {"model": 1, "p50_latency": 2} == dict(polled.rejections.unreadable)
    assert {"not_an_object", "duplicate"} == set(AnalyticsCollector.rejection_reasons)


def test_query_fails_if_all_its_rows_are_invalid() -> None:
    """The error names the query."""
    with pytest.raises(InvalidResponse, match="query one: none of the rows is usable, such as not_an_object: row 1"):
        analytics(query(), replies=[reply([1])])


@pytest.mark.parametrize("partial", [{"truncated": True}, {"row_count": 3}])
def test_partial_response_fails(partial: dict[str, Any]) -> None:
    """With fewer rows than requested, the API lost some of them."""
    with pytest.raises(TooManyRows, match=r"query one: the response was cut off \(1 rows of at most 3\)"):
        analytics(query(max_series=2), replies=[reply([{"model": "a"}], **partial)])


def test_max_series_rows_are_published() -> None:
    rows = [{"model": str(number), "request_count": "1"} for number in range(3)]
    assert 3 == len(analytics(query(max_series=3), replies=[reply(rows)]).families["requests"])


def test_no_rows_with_a_warning_fails_the_query() -> None:
    """The filter may name a key that does not exist; 0 requests would be a wrong result."""
    warned = reply([], warnings=["Could not resolve api_key_id hash: abc123..."])
    with pytest.raises(InvalidResponse, match="query one: no rows, and the API warns: Could not resolve api_key_id"):
        analytics(query(), replies=[warned])
    assert {} == analytics(query(), replies=[reply([])]).families["requests"]


def test_email_address_in_a_warning_is_hidden_in_the_error() -> None:
    warned = reply([], warnings=["Could not resolve user: ada.l+x@mail.example.com."])
    with pytest.raises(InvalidResponse, match=r"the API warns: Could not resolve user: <e-mail>"):
        analytics(query(), replies=[warned])


def test_cached_response_older_than_stale_after_is_rejected() -> None:
    """It would look fresh."""
    old = int((NOON - timedelta(hours=2)).timestamp() * 1000)
    rows = [{"model": "a", "request_count": "1"}]
    with pytest.raises(InvalidResponse, match="cached at 2026-08-23T10:00:00Z"):
        analytics(query(), replies=[reply(rows, cachedAt=old)])
    assert analytics(query(), replies=[reply(rows, cachedAt=old)], stale_after=float("inf")).families["requests"]
    assert analytics(query(), replies=[reply(rows, cachedAt="today")]).families["requests"]


def test_nothing_is_requested_or_published_without_queries() -> None:
    polled = poll_once(collector(), ScriptedClient([META]))
    assert ({}, []) == (polled.families, polled.client.requests)


def test_interval_is_not_part_of_the_collectors_identity() -> None:
    """Collectors with equal identities can take over each other's data."""
    assert collector(query(), interval=60.0).identity == collector(query(), interval=120.0).identity
    assert collector(query()).identity != collector(query("two")).identity


def test_example_queries_return_consistent_data_on_the_simulator() -> None:
    """Latency by model and provider, spend by key with two keys of one name, and cache hits by model."""
    one_collector = collector(
        query("performance", "p50_latency p99_latency p50_throughput request_count", "model provider"),
        query("spend_by_key", "total_usage request_count", "api_key_id", range=86_400.0),
        query("cache_by_model", "cache_hit_rate cached_tokens tokens_prompt", "model", range=86_400.0),
    )
    shown = poll_once(one_collector, simulated(), prefix=PREFIX).families
    assert {"batch", "production", "staging"} == {labels[-1] for labels in shown["total_usage_usd"]}
    slow, fast = shown["p99_latency_seconds"], shown["p50_latency_seconds"]
    assert slow
    assert all(0.1 < fast[labels] < slow[labels] < 30 for labels in slow)
    cached, prompts = shown["cached_tokens"], shown["tokens_prompt"]
    assert shown["cache_hit_ratio"] == pytest.approx(
        {labels: cached[labels] / prompts[labels] for labels in prompts}, abs=1e-6
    )
