"""Polls of the simulated analytics API with its faults and limits: no wrong value is ever published."""

from __future__ import annotations

import zlib

import pytest

from exporter.collectors.analytics.analytics_collector import AnalyticsCollector
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.today import TodayCollector, TodaySettings
from exporter.config.configuration import Backoff, Retries
from exporter.polling.hints import MANAGEMENT_KEY
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.api.harness import Key
from tests.polling.harness import polling

RETRIES = Retries(backoff=Backoff(jitter=0.0))
QUERY = "/api/v1/analytics/query"
META = "/api/v1/analytics/meta"


def today() -> TodayCollector:
    return TodayCollector("default", TodaySettings())


def analytics(metric: str = "p99_latency", days: int = 1) -> AnalyticsCollector:
    query = AnalyticsQuery(name="one", metrics=(metric,), dimensions=("model",), range=days * 86_400.0)
    return AnalyticsCollector("default", AnalyticsSettings(presets=(), queries=(query,)))


@pytest.mark.parametrize("collector", [today(), analytics()], ids=["today", "analytics"])
@pytest.mark.parametrize(
    ("fault", "status_class"),
    [
        ("status-400", "4xx"),
        ("status-403", "4xx"),
        ("status-408", "4xx"),
        ("status-429", "4xx"),
        ("status-500", "5xx"),
        ("html-524", "5xx"),
        ("redirect", "3xx"),
        ("reset", "connection"),
        ("html-200", "invalid_response"),
        ("error-200", "invalid_response"),
        ("not-json", "invalid_response"),
        ("wrong-shape", "invalid_response"),
        ("no-data", "invalid_response"),
        ("top-list", "invalid_response"),
        ("truncated", "invalid_response"),
        ("wrong-encoding", "invalid_response"),
    ],
)
async def test_fault_of_the_analytics_api_keeps_the_data(
    simulator: Running, collector: TodayCollector | AnalyticsCollector, fault: str, status_class: str
) -> None:
    """The next poll recovers."""
    async with polling(collector, simulator.url, retries=RETRIES) as observed:
        await observed.poll()
        good = observed.store.series("default", collector.name, observed.clock.monotonic())
        assert good > 0
        simulator.faults.replace(parse_fault(fault))
        record = await observed.poll(after=300.0)
        assert record is not None
        shown = observed.store.series("default", collector.name, observed.clock.monotonic())
        assert ("failed", status_class, good) == (record.outcome, record.status_class, shown)
        simulator.faults.replace()
        record = await observed.poll(after=300.0)
        assert record is not None
        assert "changed" == record.outcome


@pytest.mark.parametrize("fault", ["pretty", "string-numbers"])
async def test_harmless_fault_changes_no_value(simulator: Running, fault: str) -> None:
    async with polling(today(), simulator.url) as observed:
        await observed.poll()
        series = observed.store.series("default", "today", observed.clock.monotonic())
        simulator.faults.replace(parse_fault(fault))
        record = await observed.poll(after=60.0)
        assert record is not None
        assert ("changed", series) == (
            record.outcome,
            observed.store.series("default", "today", observed.clock.monotonic()),
        )


async def test_truncated_responses_change_nothing(simulator: Running) -> None:
    """After a number of divisions the poll of today fails, and an analytics query fails at once."""
    async with polling(today(), simulator.url) as observed:
        await observed.poll()
        good = observed.store.series("default", "today", observed.clock.monotonic())
        simulator.faults.replace(parse_fault("truncated-rows"))
        record = await observed.poll(after=300.0)
        assert record is not None
        shown = observed.store.series("default", "today", observed.clock.monotonic())
        assert ("failed", None, good) == (record.outcome, record.status_class, shown)
        assert simulator.counts[QUERY] <= 17
    async with polling(analytics(), simulator.url) as observed:
        record = await observed.poll()
        assert record is not None
        assert (record.error or "").startswith("query one: the response was cut off (1 rows of at most 1001)")


async def test_ordinary_key_fails_with_one_log_line(simulator: Running) -> None:
    async with polling(today(), simulator.url, key=Key("sk-or-v1-ordinary")) as observed:
        await observed.poll()
        logged = [(event["error"], event["hint"]) for event in observed.events if event["log_level"] == "error"]
        assert [("HTTP 403: Only management keys can perform this operation", MANAGEMENT_KEY)] == logged


async def test_unknown_name_is_logged_once_and_sends_no_query(simulator: Running) -> None:
    """The line has the query, the name and a suggestion."""
    async with polling(analytics("p99_latencies"), simulator.url) as observed:
        for _ in range(3):
            await observed.poll(after=300.0)
        logged = [event["error"] for event in observed.events if event["log_level"] == "error"]
        assert ["query one: the API has no metric p99_latencies; did you mean p99_latency?"] == logged
        assert (1, 0) == (simulator.counts[META], simulator.counts[QUERY])


async def test_range_that_the_api_rejects_is_not_retried(simulator: Running) -> None:
    """The error has the API's message and the name of the query."""
    async with polling(analytics(days=40), simulator.url, retries=RETRIES) as observed:
        record = await observed.poll()
        assert record is not None
        message = "time_range exceeds maximum of 31 days for the requested metrics/dimensions"
        assert (f"query one: HTTP 400: {message}", 400, 1) == (record.error, record.status, simulator.counts[QUERY])


async def test_configured_rate_limit_prevents_429(simulator: Running) -> None:
    """The API allows 64 requests per minute."""
    async with polling(today(), simulator.url, longest_poll=300.0) as observed:
        records = [await observed.poll() for _ in range(62)]
        assert ({"changed"}, [60.0]) == ({record.outcome for record in records if record}, observed.clock.slept)


async def test_one_failed_query_is_a_failed_part_of_a_successful_poll(simulator: Running) -> None:
    """The log names the query once."""
    queries = (
        AnalyticsQuery(name="good", metrics=("request_count",)),
        AnalyticsQuery(name="bad", metrics=("p99_latencies",)),
    )
    collector = AnalyticsCollector("default", AnalyticsSettings(presets=(), queries=queries))
    async with polling(collector, simulator.url) as observed:
        records = [await observed.poll(after=300.0) for _ in range(2)]
        assert {record.outcome for record in records if record} == {"changed"}
        logged = [(event["event"], event["part"]) for event in observed.events if event["log_level"] == "warning"]
        assert logged == [("part_failed", "query bad")]


async def test_failed_poll_publishes_query_success_0_and_keeps_values(simulator: Running) -> None:
    async with polling(analytics(), simulator.url, retries=RETRIES) as observed:
        await observed.poll()
        simulator.faults.replace(parse_fault("status-400"))
        await observed.poll(after=300.0)
        (shown,) = observed.store.parts(observed.clock.monotonic())
        success = shown["openrouter_analytics_query_success"].lines.parts
        assert b'query="one"} 0' in zlib.decompressobj(-zlib.MAX_WBITS).decompress(b"".join(success))
        assert shown["openrouter_analytics_p99_latency_seconds"].lines.size
        assert [event["event"] for event in observed.events if event["log_level"] == "error"] == ["poll_failed"]
