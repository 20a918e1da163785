"""`GET /analytics/meta` and `POST /analytics/query`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.simulator.application import Running
from exporter.simulator.attribution import attributions_of
from exporter.simulator.faults import parse_fault
from exporter.simulator.replay import parse_recording
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get, Start
from tests.simulator.queries import COUNTS, TODAY, YESTERDAY, Query, data, post_query, rows
from tests.support import FakeClock

ATTRIBUTIONS = attributions_of(1, "sk-or-v1-ordinary")


async def test_meta_lists_metrics_dimensions_operators_and_granularities(get: Get) -> None:
    offered = (await get("/analytics/meta")).content["data"]
    metrics = {metric["name"]: (metric["is_rate"], metric["display_format"]) for metric in offered["metrics"]}
    assert (60, 17, 8, 5) == tuple(
        len(offered[name]) for name in ("metrics", "dimensions", "operators", "granularities")
    )
    assert (False, "number") == metrics["request_count"]
    assert (False, "currency") == metrics["total_usage"]
    assert (True, "latency") == metrics["p99_latency"]
    assert (True, "throughput") == metrics["avg_throughput"]
    assert (True, "percent") == metrics["cache_hit_rate"]
    assert {"name": "not_in", "value_type": "array"} in offered["operators"]


async def test_analytics_of_a_completed_day_equal_its_activity(query: Query) -> None:
    metrics = [*COUNTS, "credits_usage", "byok_usage", "total_usage"]
    result = rows(await query(metrics=metrics, dimensions=["model", "provider"], time_range=YESTERDAY, limit=10000))
    expected = SimulatedAccount(1).rows_of_day(datetime(2026, 10, 14, tzinfo=UTC).date())
    names = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
    sums = [sum(int(row[name]) for row in result) for name in COUNTS]
    assert [sum(getattr(row, name) for row in expected) for name in names] == sums
    credits_, byok = (sum(row[name] for row in result) for name in ("credits_usage", "byok_usage"))
    assert (credits_, byok) == (
        pytest.approx(sum(row.usage for row in expected), rel=1e-12),
        pytest.approx(sum(row.byok_usage_inference for row in expected), rel=1e-12),
    )
    assert credits_ + byok == pytest.approx(sum(row["total_usage"] for row in result), rel=1e-12)
    pairs = [(row["model"], row["provider"]) for row in result]
    assert {(row.model_permaslug, row.provider_name) for row in expected} == set(pairs)
    assert len(set(pairs)) == len(pairs)


async def test_today_grows_with_the_clock(query: Query, clock: FakeClock) -> None:
    """It grows from nothing to the whole day, even if the range ends later."""
    whole = {"start": "2026-10-15T00:00:00Z", "end": "2026-10-16T00:00:00Z"}
    shares = []
    for hour in (0, 6, 12, 24):
        clock.jump(datetime(2026, 10, 15, tzinfo=UTC) + timedelta(hours=hour))
        shares.append(int(rows(await query(time_range=whole))[0]["request_count"]))
    day = sum(row.requests for row in SimulatedAccount(1).rows_of_day(datetime(2026, 10, 15, tzinfo=UTC).date()))
    assert (0, day) == (shares[0], shares[3])
    assert shares == pytest.approx([0, day / 4, day / 2, day], abs=40)


async def test_day_has_the_field_and_layout_of_its_source(query: Query) -> None:
    """The rollup writes `date__day`, and raw generations `created_at__day` with a time."""
    inside = {"start": "2026-10-14T06:20:00Z", "end": "2026-10-14T06:40:00Z"}
    partial, whole = [rows(await query(time_range=range_, granularity="day")) for range_ in (inside, YESTERDAY)]
    assert partial == whole
    assert ["2026-10-14"] == [row["date__day"] for row in whole]
    raw = rows(await query(time_range=YESTERDAY, granularity="day", dimensions=["model", "provider"]))
    assert {"2026-10-14 00:00:00"} == {row["created_at__day"] for row in raw}


async def test_other_buckets_are_not_simulated(query: Query) -> None:
    assert 501 == (await query(granularity="hour")).status


async def test_newest_day_comes_first(query: Query) -> None:
    range_ = {"start": "2026-10-13T00:00:00Z", "end": "2026-10-15T12:00:00Z"}
    days = [row["date__day"] for row in rows(await query(time_range=range_, granularity="day"))]
    assert ["2026-10-15", "2026-10-14", "2026-10-13"] == days


async def test_values_have_the_mixed_types_of_the_live_service(query: Query) -> None:
    """Counts are strings, money and rates numbers, average throughput a string, and reasoning tokens either."""
    metrics = ["request_count", "reasoning_tokens", "total_usage"]
    rollup = rows(await query(metrics=metrics, dimensions=["model"]))[0]
    raw = rows(await query(metrics=[*metrics, "avg_throughput", "p99_latency"], dimensions=["model", "provider"]))[0]
    assert [str, str, float] == [type(rollup[name]) for name in metrics]
    assert [str, int, float, str, float] == [type(raw[name]) for name in (*metrics, "avg_throughput", "p99_latency")]


async def test_unused_cost_and_rate_without_requests_are_null(query: Query) -> None:
    future = {"start": "2026-10-16T00:00:00Z", "end": "2026-10-16T01:00:00Z"}
    metrics = ["request_count", "cache_hit_rate", "p50_latency", "usage_web"]
    expected = {"request_count": "0", "cache_hit_rate": None, "p50_latency": None, "usage_web": None}
    assert [expected] == rows(await query(metrics=metrics, time_range=future))
    assert [] == rows(await query(metrics=metrics, time_range=future, dimensions=["model"]))


async def test_keys_are_labelled_by_name_and_filtered_by_hash(query: Query) -> None:
    """Two keys have the same name."""
    names = sorted(row["api_key_id"] for row in rows(await query(dimensions=["api_key_id"])))
    assert ["batch", "production", "staging", "staging"] == names
    unknown = await query(
        filters=[{"field": "api_key_id", "operator": "in", "value": ["a" * 64]}], dimensions=["model"]
    )
    assert ([], ["Could not resolve api_key_id hash: aaaaaaaaaaaa..."]) == (rows(unknown), data(unknown)["warnings"])


async def test_user_rows_carry_user_email(query: Query) -> None:
    result = rows(await query(dimensions=["user"]))
    assert {"Ada", "Grace", "Alan"} == {row["user"] for row in result}
    assert all(row["user_email"].endswith("@example.com") for row in result)


@pytest.mark.parametrize(
    "dimension",
    [
        "variant",
        "workspace",
        "app",
        "origin",
        "country",
        "data_region",
        "skin",
        "finish_reason",
        "external_user",
        "context_length_bucket",
        "generation_id",
        "session_id",
        "streamed",
    ],
)
async def test_each_dimension_sums_to_the_same_total(query: Query, dimension: str) -> None:
    split = rows(await query(dimensions=[dimension], limit=10000))
    whole = rows(await query())
    assert pytest.approx(int(whole[0]["request_count"]), abs=len(split) * 40) == sum(
        int(row["request_count"]) for row in split
    )


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("eq", "OpenAI", {"OpenAI"}),
        ("in", ["OpenAI", "Azure"], {"OpenAI", "Azure"}),
        ("gte", "xAI", {"xAI"}),
        ("lt", "Az", {"Alibaba", "Amazon Bedrock", "Anthropic"}),
    ],
)
async def test_filter_operators_select_rows(query: Query, operator: str, value: Any, expected: set[str]) -> None:
    filters = [{"field": "provider", "operator": operator, "value": value}]
    assert expected == {row["provider"] for row in rows(await query(dimensions=["provider"], filters=filters))}


async def test_in_and_not_in_are_complements(query: Query) -> None:
    models = [row["model"] for row in rows(await query(dimensions=["model"]))]
    parts = []
    for operator in ("in", "not_in"):
        filters = [{"field": "model", "operator": operator, "value": models[:7]}]
        parts += [row["model"] for row in rows(await query(dimensions=["model"], filters=filters))]
    assert sorted(models) == sorted(parts)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("workspace", {owner.workspace_id for owner in ATTRIBUTIONS}),
        ("api_key_id", {owner.api_key_hash for owner in ATTRIBUTIONS}),
        ("user", {owner.user_id for owner in ATTRIBUTIONS}),
    ],
)
async def test_spend_by_day_of_each_value_adds_up_to_the_total(query: Query, field: str, values: set[str]) -> None:
    """The precision is a millionth of a dollar per value and day, because the current day is divided by its seconds."""
    range_ = {"start": "2026-10-01T00:00:00Z", "end": "2026-10-15T12:00:00Z"}
    whole = rows(await query(metrics=["credits_usage"], granularity="day", time_range=range_))
    sums = dict.fromkeys((row["date__day"] for row in whole), 0.0)
    for value in values:
        filters = [{"field": field, "operator": "in", "value": [value]}]
        part = rows(await query(metrics=["credits_usage"], granularity="day", time_range=range_, filters=filters))
        for row in part:
            sums[row["date__day"]] += row["credits_usage"]
    assert {row["date__day"]: pytest.approx(row["credits_usage"], abs=1e-3) for row in whole} == sums


async def test_largest_rows_and_the_total_without_dimensions(query: Query) -> None:
    """The exporter computes `other` from these two responses."""
    order = {"field": "credits_usage", "direction": "desc"}
    every = rows(await query(metrics=["credits_usage"], dimensions=["model"], limit=10000))
    top = rows(await query(metrics=["credits_usage"], dimensions=["model"], order_by=order, limit=3))
    assert sorted((row["credits_usage"] for row in every), reverse=True)[:3] == [row["credits_usage"] for row in top]
    total = rows(await query(metrics=["credits_usage"]))[0]["credits_usage"]
    assert total == pytest.approx(sum(row["credits_usage"] for row in every), abs=1e-3)


async def test_order_by_metric(query: Query) -> None:
    for direction, reverse in (("desc", True), ("asc", False)):
        order = {"field": "request_count", "direction": direction}
        counts = [int(row["request_count"]) for row in rows(await query(dimensions=["model"], order_by=order))]
        assert sorted(counts, reverse=reverse) == counts


async def test_response_over_the_limit_is_truncated(start: Start, query: Query) -> None:
    """The limit is that of the request or the service's own."""
    metadata = data(await query(dimensions=["model"], limit=3))["metadata"]
    assert (3, True) == (metadata["row_count"], metadata["truncated"])
    metadata = data(await query(dimensions=["model"]))["metadata"]
    assert (False, True) == (metadata["truncated"], metadata["row_count"] > 10)
    small = await start(SimulatorSettings(analytics_rows=5))
    metadata = data(await post_query(small.url, dimensions=["model"]))["metadata"]
    assert (5, True) == (metadata["row_count"], metadata["truncated"])


async def test_default_range_is_seven_days(query: Query) -> None:
    week = {"start": "2026-10-08T12:00:00Z", "end": TODAY["end"]}
    named = rows(await query(time_range=week))
    assert named == rows(await query(time_range=None))


async def test_same_query_is_cached_for_a_minute(query: Query, clock: FakeClock) -> None:
    first = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    clock.jump(clock.now() + timedelta(seconds=59))
    second = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    clock.jump(clock.now() + timedelta(seconds=1))
    third = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    assert first == second
    assert 60_000 == third["cachedAt"] - first["cachedAt"]
    assert int(third["data"][0]["request_count"]) > int(first["data"][0]["request_count"])


async def test_row_faults_that_apply_to_analytics(simulator: Running, query: Query) -> None:
    whole = rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("late-day"))
    assert whole == rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("empty"))
    assert [] == rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("bad-row"))
    assert [None] == [row["model"] for row in rows(await query(dimensions=["model"])) if row not in whole]
    simulator.faults.replace(parse_fault("string-numbers"))
    assert isinstance(rows(await query(metrics=["total_usage"]))[0]["total_usage"], str)


async def test_truncated_rows_fault_drops_half(simulator: Running, query: Query) -> None:
    whole = rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("truncated-rows"))
    cut = data(await query(dimensions=["model"]))
    assert (whole[: len(whole) // 2], True) == (cut["data"], cut["metadata"]["truncated"])


async def test_recording_has_no_analytics_rows(start: Start) -> None:
    recording = parse_recording(b'{"data":[{"date":"2026-04-22"}]}')
    replaying = await start(SimulatorSettings(replay=recording))
    assert [] == rows(await post_query(replaying.url, dimensions=["model"]))
