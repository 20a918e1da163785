"""Queries with more rows than may be published: the largest rows, and the exact sum of all others as `other`."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from tests.collectors.analytics_samples import META, PREFIX, analytics, collector, query
from tests.collectors.helpers import UNHURRIED
from tests.collectors.scripted_polls import PollResult, Reply, ScriptedClient, poll_once, reply, simulated
from tests.support import NOON

SPEND = "total_usage request_count"


def spend(**usd: Any) -> list[dict[str, Any]]:
    """Return rows of models with their spend, largest first, and one request each."""
    return [{"model": model, "total_usage": value, "request_count": "1"} for model, value in usd.items()]


def total(usd: Any, requests: Any = "9") -> Reply:
    return reply([{"total_usage": usd, "request_count": requests}])


def test_largest_and_other_add_up_to_the_total() -> None:
    """`other` is the total, which is read with a second request, less the largest rows."""
    rows = spend(a=5.0, b=3.0, c=2.0)
    polled = analytics(query(metrics=SPEND, max_series=2), replies=[reply(rows), total(12.5)])
    assert polled.families == {
        "total_usage_usd": {("one", "a"): 5.0, ("one", "b"): 3.0, ("one", "other"): 4.5},
        "requests": {("one", "a"): 1.0, ("one", "b"): 1.0, ("one", "other"): 7.0},
    }
    assert polled.health["query_truncated"] == {("one",): 1.0}


def test_total_is_requested_with_the_same_range_without_dimensions_and_rates() -> None:
    client = ScriptedClient([META, reply(spend(a=5.0, b=3.0)), total(9.0)])
    poll_once(collector(query(metrics=f"{SPEND} cache_hit_rate", max_series=1)), client)
    first, second = client.contents()
    assert (first["dimensions"], first["order_by"], first["limit"]) == (
        ["model"],
        {"field": "total_usage", "direction": "desc"},
        2,
    )
    assert second == {"metrics": ["total_usage", "request_count"], "time_range": first["time_range"], "limit": 2}


def test_no_total_is_requested_if_all_rows_fit() -> None:
    client = ScriptedClient([META, reply(spend(a=5.0, b=3.0))])
    polled = poll_once(collector(query(metrics=SPEND, max_series=2)), client, prefix=PREFIX)
    assert polled.families["total_usage_usd"] == {("one", "a"): 5.0, ("one", "b"): 3.0}
    assert polled.health["query_truncated"] == {("one",): 0.0}


def test_largest_rows_by_the_first_metric_are_kept_in_any_order() -> None:
    rows = spend(c=2.0, a=5.0, b=3.0)
    polled = analytics(query(metrics=SPEND, max_series=2), replies=[reply(rows), total(10.0)])
    assert set(polled.families["total_usage_usd"]) == {("one", "a"), ("one", "b"), ("one", "other")}


def test_query_of_rates_keeps_the_rows_with_most_requests() -> None:
    """The rate of all other rows cannot be known, so no total is requested."""
    rows = [{"model": name, "p99_latency": 1000} for name in ("busy", "usual", "rare")]
    client = ScriptedClient([META, reply(rows)])
    polled = poll_once(collector(query(metrics="p99_latency", max_series=2)), client, prefix=PREFIX)
    assert polled.families["p99_latency_seconds"] == {("one", "busy"): 1.0, ("one", "usual"): 1.0}
    assert client.contents()[0]["order_by"] == {"field": "request_count", "direction": "desc"}
    assert (len(client.requests), polled.health["query_truncated"]) == (2, {("one",): 1.0})


def test_other_of_a_query_with_sums_and_rates_has_no_rates() -> None:
    rows = [{"model": name, "request_count": "4", "cache_hit_rate": 0.5} for name in "ab"]
    replies: list[Reply] = [reply(rows), reply([{"request_count": "9"}])]
    polled = analytics(query(metrics="request_count cache_hit_rate", max_series=1), replies=replies)
    assert polled.families == {
        "requests": {("one", "a"): 4.0, ("one", "other"): 5.0},
        "cache_hit_ratio": {("one", "a"): 0.5},
    }


def test_other_of_two_dimensions_is_other_in_both() -> None:
    rows = [{"model": name, "provider": "P", "request_count": "4"} for name in "ab"]
    replies: list[Reply] = [reply(rows), reply([{"request_count": "9"}])]
    polled = analytics(query(dimensions="model provider", max_series=1), replies=replies)
    assert polled.families["requests"] == {("one", "a", "P"): 4.0, ("one", "other", "other"): 5.0}


def test_null_adds_nothing_to_other_and_an_unreadable_value_makes_it_absent() -> None:
    """`other` must not include what one of the largest rows cannot show."""
    metrics = "total_usage usage_web usage_cache"
    rows = [
        {"model": "a", "total_usage": 5.0, "usage_web": None, "usage_cache": "much"},
        {"model": "b", "total_usage": 1.0, "usage_web": 0.5, "usage_cache": 0.25},
    ]
    whole = {"total_usage": 6.0, "usage_web": 0.5, "usage_cache": 1.0}
    polled = analytics(query(metrics=metrics, max_series=1), replies=[reply(rows), reply([whole])])
    assert polled.families["usage_web_usd"] == {("one", "other"): 0.5}
    assert polled.families["usage_cache_usd"] == {}


def test_row_named_other_is_merged_into_other() -> None:
    """The sum stays right, and the merged row is counted."""
    polled = analytics(query(metrics=SPEND, max_series=1), replies=[reply(spend(other=5.0, b=3.0)), total(9.0)])
    assert polled.families["total_usage_usd"] == {("one", "other"): 9.0}
    assert polled.health["query_rows_merged"] == {("one",): 1.0}


def test_merged_rows_of_keys_with_one_name_are_counted() -> None:
    rows = [{"api_key_id": name, "request_count": "1"} for name in ("staging", "staging", "batch")]
    rows[1]["request_count"] = "2"
    polled = analytics(query(dimensions="api_key_id"), replies=[reply(rows)])
    assert polled.families["requests"] == {("one", "staging"): 3.0, ("one", "batch"): 1.0}
    assert polled.health["query_rows_merged"] == {("one",): 1.0}


def test_other_is_absent_if_its_count_would_be_negative() -> None:
    """Requests were made between the two responses. Amounts of money may be negative."""
    polled = analytics(query(metrics=SPEND, max_series=1), replies=[reply(spend(a=5.0, b=3.0)), total(4.0, "0")])
    assert polled.families["requests"] == {("one", "a"): 1.0}
    assert polled.families["total_usage_usd"] == {("one", "a"): 5.0, ("one", "other"): -1.0}


def test_negative_other_is_absent_if_the_total_is_older_than_the_rows() -> None:
    """The API returned a cached total, and the rows contain later spend."""
    rows, whole = spend(a=5.0, b=3.0), [{"total_usage": 4.0, "request_count": "9"}]
    cached = (NOON - timedelta(seconds=60)).isoformat()
    polled = analytics(query(metrics=SPEND, max_series=1), replies=[reply(rows), reply(whole, cachedAt=cached)])
    assert polled.families["total_usage_usd"] == {("one", "a"): 5.0}
    assert polled.families["requests"] == {("one", "a"): 1.0, ("one", "other"): 8.0}


def test_largest_max_series_publishes_one_row_less_and_other() -> None:
    """The API returns at most 10,000 rows, so the last one can only show that there are more."""
    rows = [{"model": str(number), "total_usage": 10_000 - number, "request_count": "1"} for number in range(10_000)]
    polled = analytics(query(metrics=SPEND, max_series=10_000), replies=[reply(rows), total(1e9)])
    assert len(polled.families["total_usage_usd"]) == 10_000
    assert sum(polled.families["total_usage_usd"].values()) == 1e9


@pytest.mark.parametrize("broken", [[], [{"total_usage": 1.0}] * 2])
def test_query_with_an_invalid_total_fails(broken: list[Any]) -> None:
    """`other` would be a guess."""
    different = [row | {"number": number} for number, row in enumerate(broken)]
    polled = poll_once(
        collector(query(metrics=SPEND, max_series=1)),
        [META, reply(spend(a=5.0, b=3.0)), reply(different)],
        prefix=PREFIX,
        fails=True,
    )
    assert polled.health["query_success"] == {("one",): 0.0}


@UNHURRIED
@given(
    st.lists(st.decimals(min_value=-1, max_value=1000, places=9), min_size=2, max_size=30),
    st.integers(min_value=1, max_value=29),
)
def test_series_add_up_to_the_total_for_any_amounts(amounts: list[Any], most: int) -> None:
    """The precision is that of exact arithmetic."""
    whole = sum(map(Fraction, amounts))
    largest = sorted(map(float, amounts), reverse=True)[: most + 1]
    rows = [{"model": f"m{number}", "total_usage": amount} for number, amount in enumerate(largest)]
    polled = analytics(
        query(metrics="total_usage", max_series=most), replies=[reply(rows), reply([{"total_usage": float(whole)}])]
    )
    shown = polled.families["total_usage_usd"].values()
    assert len(shown) <= most + 1
    assert float(sum(map(Fraction, shown))) == pytest.approx(float(whole), rel=1e-12, abs=1e-12)


def test_largest_and_other_add_up_to_all_rows_on_the_simulator() -> None:
    configured = query(metrics=SPEND, dimensions="model", range="month")

    def polled(most: int) -> PollResult:
        limited = AnalyticsQuery(
            **{name: getattr(configured, name) for name in configured.__slots__} | {"max_series": most}
        )
        return poll_once(collector(limited), simulated(NOON), prefix=PREFIX)

    few, all_ = polled(3), polled(1000)
    for family, samples in all_.families.items():
        assert sum(few.families[family].values()) == pytest.approx(sum(samples.values()), rel=1e-12)
    assert len(few.families["requests"]) == 4
    assert len(all_.families["requests"]) > 4


def test_rates_can_be_ordered_by_requests_on_the_simulator() -> None:
    """The API can order by a metric that the query does not return."""
    requests = poll_once(collector(query()), simulated(), prefix=PREFIX).families["requests"]
    polled = poll_once(collector(query(metrics="p99_latency", max_series=1)), simulated(), prefix=PREFIX)
    assert set(polled.families["p99_latency_seconds"]) == {max(requests, key=lambda labels: requests[labels])}
