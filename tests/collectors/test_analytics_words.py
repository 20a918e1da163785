"""Names and ranges that the API knows or does not know, and the families that follow from them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors.analytics.analytics_collector import META_HOLDS
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsFilter, AnalyticsQuery
from exporter.collectors.analytics.known_names import LONG_METRICS, METRICS
from exporter.collectors.analytics.metric_units import measure
from exporter.collectors.registry import SECTION
from exporter.commands.demo import PRESETS, QUERIES
from exporter.config.load import load
from exporter.errors import PollError, StatusError, UnknownName
from exporter.simulator.analytics_meta import METRICS as SIMULATED
from tests.collectors.analytics_samples import META, PREFIX, analytics, collector, query
from tests.collectors.helpers import response_of
from tests.collectors.scripted_polls import Reply, ScriptedClient, poll_once, reply
from tests.support import NOON


def test_unknown_names_fail_their_queries_with_a_suggestion() -> None:
    """None of these queries is sent."""
    wrong = (
        query("first", "p99_latencies request_count", "modell"),
        query("second", "total_usage", "model", filters=(AnalyticsFilter(field="providers", values=("A",)),)),
        query("third", "zzz"),
    )
    client = ScriptedClient([META])
    polled = poll_once(collector(*wrong), client, fails=True)
    first = "the API has no metric p99_latencies; did you mean p99_latency?"
    assert polled.collected.summary.failures == (
        ("query first", f"{first}; the API has no dimension modell; did you mean model?"),
        ("query second", "the API has no filter field providers; did you mean provider?"),
        ("query third", "the API has no metric zzz"),
    )
    assert len(client.requests) == 1


def offering(**lists: list[dict[str, Any]]) -> Reply:
    return response_of(json.dumps({"data": lists}).encode(), NOON)


def test_names_are_not_checked_against_absent_or_empty_lists() -> None:
    replies: list[Reply] = [offering(metrics=[]), reply([{"model": "a", "request_count": "1"}])]
    assert poll_once(collector(query()), replies, prefix=PREFIX).families["requests"]


def test_operator_that_the_api_no_longer_has_fails_its_query() -> None:
    """The configuration still accepts it."""
    configured = query(filters=(AnalyticsFilter(field="model", operator="gte", values=("a",)),))
    with pytest.raises(UnknownName, match=r"has no operator gte; did you mean gt\?"):
        poll_once(collector(configured), [offering(operators=[{"name": "gt"}, {"name": "eq"}])])


@pytest.mark.parametrize(
    ("metric", "shown", "family"),
    [
        ("tool_call_count", "number", "tool_calls"),
        ("usage_video", "currency", "usage_video_usd"),
        ("p75_queue_time", "latency", "p75_queue_time_seconds"),
        ("retry_rate", "percent", "retry_ratio"),
    ],
)
def test_new_metric_of_the_api_is_published_if_its_format_fits_its_name(metric: str, shown: str, family: str) -> None:
    """Rows with equal labels are not summed, because the metric may not be a sum."""
    offered = offering(metrics=[{"name": metric, "display_format": shown}], dimensions=[{"name": "model"}])
    rows = [{"model": "a", metric: 1000}, {"model": "b", metric: 1}, {"model": "b", metric: 2}]
    polled = poll_once(collector(query(metrics=metric)), [offered, reply(rows)], prefix=PREFIX)
    assert {family: {("one", "a"): 1.0 if shown == "latency" else 1000.0}} == polled.families
    contrary = offering(metrics=[{"name": metric, "display_format": "throughput"}])
    with pytest.raises(
        UnknownName, match=f"metric {metric} is a throughput, which the family name {PREFIX}{family} does not show"
    ):
        poll_once(collector(query(metrics=metric)), [contrary])


def test_two_metrics_with_the_same_family_fail_the_query() -> None:
    offered = offering(metrics=[{"name": "tokens_total"}, {"name": "tokens"}])
    with pytest.raises(UnknownName, match="metrics tokens_total and tokens would have the same family"):
        poll_once(collector(query(metrics="tokens_total tokens")), [offered])


def test_metadata_are_read_once_per_hour() -> None:
    one_collector = collector(query())
    client = ScriptedClient([META, reply([]), reply([]), META, reply([])])
    memory = poll_once(one_collector, client).collected.memory
    memory = poll_once(one_collector, client, memory=memory, monotonic=META_HOLDS - 1).collected.memory
    poll_once(one_collector, client, memory=memory, monotonic=META_HOLDS)
    operations = [request.operation.removeprefix("analytics_") for request in client.requests]
    assert ["meta", "query", "query", "meta", "query"] == operations


def test_invalid_metadata_fail_no_query() -> None:
    """They are counted as an invalid response of their operation, and read again by the next poll."""
    client = ScriptedClient(
        [response_of(b'{"data":[]}'), reply([{"model": "a", "request_count": "1"}]), META, reply([])]
    )
    polled = poll_once(collector(query()), client, prefix=PREFIX)
    assert polled.families["requests"] == {("one", "a"): 1.0}
    assert polled.collected.summary.failures == (
        ("metadata", "not a description of the analytics API: expected data to be an object"),
    )
    assert [error.status_class for error in client.failures] == ["invalid_response"]
    poll_once(collector(query()), client, memory=polled.collected.memory)
    assert [request.path for request in client.requests[2:]] == ["/analytics/meta", "/analytics/query"]


def test_unknown_metric_fails_without_metadata() -> None:
    """Its unit would be a guess."""
    client = ScriptedClient([StatusError(500, "HTTP 500"), reply([{"model": "a", "request_count": "1"}])])
    polled = poll_once(collector(query("new", "tool_call_count"), query("known")), client)
    assert dict(polled.collected.summary.failures) == {"query new": "HTTP 500", "metadata": "HTTP 500"}


def test_names_are_not_checked_against_a_list_with_a_malformed_name() -> None:
    """The list is incomplete, so the API decides."""
    offered = offering(metrics=[{"name": None}, {"name": "request_count"}])
    replies: list[Reply] = [offered, reply([{"model": "a", "total_usage": 1}])]
    assert poll_once(collector(query(metrics="total_usage")), replies, prefix=PREFIX).families["total_usage_usd"]


def test_metric_with_a_malformed_format_is_still_known() -> None:
    offered = offering(metrics=[{"name": "request_count", "display_format": 7}])
    assert poll_once(collector(query()), [offered, reply([])], prefix=PREFIX).families == {"requests": {}}


@pytest.mark.parametrize(
    ("configured", "refusal"),
    [
        (query(dimensions="model provider app"), "a query has at most 2 dimensions, not 3"),
        (query(dimensions="account"), "account is already a label"),
        (
            query(metrics="p99_latency", range=32 * 86_400.0),
            "the API returns p99_latency for at most 31 days, not 32d",
        ),
        (
            query(dimensions="provider", range=32 * 86_400.0),
            "the API returns provider for at most 31 days, not 32d",
        ),
    ],
)
def test_query_beyond_a_known_limit_is_a_configuration_conflict(configured: AnalyticsQuery, refusal: str) -> None:
    """Nothing is requested."""
    assert [refusal] == [conflict.message for conflict in configured.conflicts()]


def test_spend_by_key_may_cover_a_year() -> None:
    assert () == query(metrics="total_usage", dimensions="api_key_id", range=365 * 86_400.0).conflicts()


def test_error_of_a_range_that_the_api_refuses_has_its_message() -> None:
    configured = query(metrics="request_count", range=300 * 86_400.0)
    refused = StatusError(400, "HTTP 400: time_range exceeds maximum of 90 days")
    with pytest.raises(PollError, match="query one: HTTP 400: time_range exceeds maximum of 90 days"):
        analytics(configured, replies=[refused])


def test_demo_has_the_queries_of_the_shipped_example() -> None:
    example = Path(__file__).parents[2] / "config/analytics.yaml"
    configured = load(example, {"OPENROUTER_API_KEY": "sk-or-v1-demo"}, collectors=SECTION)
    settings = configured.accounts[0].collectors.of(AnalyticsSettings)
    assert (settings.presets, settings.queries) == (PRESETS, QUERIES)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true", reason="promtool is not installed"
)
def test_promtool_accepts_the_family_of_every_known_metric() -> None:
    families = collector(query(metrics=" ".join(METRICS))).declarations()
    assert (60, 60 + 6) == (len(METRICS), len({family.name for family in families}))  # six are on the query
    text = "".join(
        f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n{family.name} 1\n" for family in families
    )
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_simulator_and_collector_know_the_same_metrics() -> None:
    """They also agree on the units and on the longest ranges."""
    offered = {metric.name: metric for metric in SIMULATED.values()}
    assert set(METRICS) == set(offered)
    assert set(LONG_METRICS) == {name for name, metric in offered.items() if metric.longest.days > 31}
    measures = {name: measure(name) for name in METRICS}
    assert {name: metric.display_format for name, metric in offered.items()} == {
        name: item.unit.display_format for name, item in measures.items()
    }
    assert {name for name, metric in offered.items() if not metric.is_rate} == {
        name for name, item in measures.items() if item.may_be_summed
    }


@pytest.mark.parametrize("malformed", [None, 7, {}, {"name": 5}, {"display_format": "number"}, [], "request_count"])
def test_malformed_element_of_the_metadata_does_not_affect_the_others(malformed: Any) -> None:
    offered = offering(metrics=[malformed, {"name": "request_count"}], dimensions=[{"name": "model"}, malformed])
    polled = poll_once(collector(query()), [offered, reply([{"model": "a", "request_count": "1"}])], prefix=PREFIX)
    assert polled.families["requests"] == {("one", "a"): 1.0}
