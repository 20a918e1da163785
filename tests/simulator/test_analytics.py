"""`/analytics/meta` and `/analytics/query`: what they answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.replay import parse_recording
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get, Start, StoppedClock
from tests.simulator.questions import COUNTS, TODAY, YESTERDAY, Query, data, post_query, rows


async def test_meta(get: Get) -> None:
    """Sixty metrics, 17 dimensions, and what goes with them."""
    offered = (await get("/analytics/meta")).content["data"]
    metrics = {each["name"]: (each["is_rate"], each["display_format"]) for each in offered["metrics"]}
    assert (60, 17, 8, 5) == tuple(
        len(offered[name]) for name in ("metrics", "dimensions", "operators", "granularities")
    )
    assert (False, "number") == metrics["request_count"]
    assert (False, "currency") == metrics["total_usage"]
    assert (True, "latency") == metrics["p99_latency"]
    assert (True, "throughput") == metrics["avg_throughput"]
    assert (True, "percent") == metrics["cache_hit_rate"]
    assert {"name": "not_in", "value_type": "array"} in offered["operators"]


async def test_a_day_is_what_activity_shows_later(query: Query) -> None:
    """Sums by model and provider, of a whole day."""
    metrics = [*COUNTS, "credits_usage", "byok_usage", "total_usage"]
    found = rows(await query(metrics=metrics, dimensions=["model", "provider"], time_range=YESTERDAY, limit=10000))
    expected = SimulatedAccount(1).rows_of_day(datetime(2026, 10, 14, tzinfo=UTC).date())
    names = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
    sums = [sum(int(row[name]) for row in found) for name in COUNTS]
    assert [sum(getattr(row, name) for row in expected) for name in names] == sums
    credits_, byok = (sum(row[name] for row in found) for name in ("credits_usage", "byok_usage"))
    assert (credits_, byok) == (
        pytest.approx(sum(row.usage for row in expected), rel=1e-12),
        pytest.approx(sum(row.byok_usage_inference for row in expected), rel=1e-12),
    )
    assert credits_ + byok == pytest.approx(sum(row["total_usage"] for row in found), rel=1e-12)
    pairs = [(row["model"], row["provider"]) for row in found]
    assert {(row.model_permaslug, row.provider_name) for row in expected} == set(pairs)
    assert len(set(pairs)) == len(pairs)


async def test_today_grows(query: Query, clock: StoppedClock) -> None:
    """From nothing to the whole day, whatever the range's end says."""
    whole = {"start": "2026-10-15T00:00:00Z", "end": "2026-10-15T23:59:59Z"}
    shares = []
    for hour in (0, 6, 12, 24):
        clock.now_value = datetime(2026, 10, 15, tzinfo=UTC) + timedelta(hours=hour)
        shares.append(int(rows(await query(time_range=whole))[0]["request_count"]))
    day = sum(row.requests for row in SimulatedAccount(1).rows_of_day(datetime(2026, 10, 15, tzinfo=UTC).date()))
    assert (0, day) == (shares[0], shares[3])
    assert shares == pytest.approx([0, day / 4, day / 2, day], abs=40)


async def test_buckets_are_whole(query: Query) -> None:
    """A range that begins and ends within an hour brings that hour whole; the time key tells the source."""
    inside = {"start": "2026-10-14T06:20:00Z", "end": "2026-10-14T06:40:00Z"}
    hour = {"start": "2026-10-14T06:00:00Z", "end": "2026-10-14T07:00:00Z"}
    found = [rows(await query(time_range=each, granularity="hour")) for each in (inside, hour)]
    assert found[0] == found[1]
    assert ["2026-10-14 06:00:00"] == [row["date__hour"] for row in found[0]]
    split = rows(await query(time_range=hour, granularity="hour", dimensions=["model", "provider"]))
    assert {"2026-10-14 06:00:00"} == {row["created_at__hour"] for row in split}


async def test_the_newest_bucket_comes_first(query: Query) -> None:
    """Days are written without a time."""
    range_ = {"start": "2026-10-13T00:00:00Z", "end": "2026-10-15T12:00:00Z"}
    days = [row["date__day"] for row in rows(await query(time_range=range_, granularity="day"))]
    assert ["2026-10-15", "2026-10-14", "2026-10-13"] == days


async def test_types_are_mixed(query: Query) -> None:
    """Counts are text, money and rates numbers, an average throughput text; reasoning tokens are either."""
    metrics = ["request_count", "reasoning_tokens", "total_usage"]
    rollup = rows(await query(metrics=metrics, dimensions=["model"]))[0]
    raw = rows(await query(metrics=[*metrics, "avg_throughput", "p99_latency"], dimensions=["model", "provider"]))[0]
    assert [str, str, float] == [type(rollup[name]) for name in metrics]
    assert [str, int, float, str, float] == [type(raw[name]) for name in (*metrics, "avg_throughput", "p99_latency")]


async def test_what_was_not_used_is_null(query: Query) -> None:
    """A component never used; a rate without requests."""
    future = {"start": "2026-10-16T00:00:00Z", "end": "2026-10-16T01:00:00Z"}
    metrics = ["request_count", "cache_hit_rate", "p50_latency", "usage_web"]
    expected = {"request_count": "0", "cache_hit_rate": None, "p50_latency": None, "usage_web": None}
    assert [expected] == rows(await query(metrics=metrics, time_range=future))
    assert [] == rows(await query(metrics=metrics, time_range=future, dimensions=["model"]))


async def test_keys_are_told_by_their_names(query: Query) -> None:
    """Two of them share one; a filter takes the hash."""
    names = sorted(row["api_key_id"] for row in rows(await query(dimensions=["api_key_id"])))
    assert ["batch", "production", "staging", "staging"] == names
    unknown = await query(
        filters=[{"field": "api_key_id", "operator": "in", "value": ["a" * 64]}], dimensions=["model"]
    )
    assert ([], ["Could not resolve api_key_id hash: aaaaaaaaaaaa..."]) == (rows(unknown), data(unknown)["warnings"])


async def test_users_come_with_their_address(query: Query) -> None:
    """A field that nobody asked for."""
    found = rows(await query(dimensions=["user"]))
    assert {"Ada", "Grace", "Alan"} == {row["user"] for row in found}
    assert all(row["user_email"].endswith("@example.com") for row in found)


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
async def test_every_dimension_splits_the_same_whole(query: Query, dimension: str) -> None:
    """Sums over any of them agree."""
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
async def test_filters(query: Query, operator: str, value: Any, expected: set[str]) -> None:
    """By identifier; those with several values hold one of them."""
    filters = [{"field": "provider", "operator": operator, "value": value}]
    assert expected == {row["provider"] for row in rows(await query(dimensions=["provider"], filters=filters))}


async def test_a_part_and_its_complement_are_the_whole(query: Query) -> None:
    """In and not_in."""
    models = [row["model"] for row in rows(await query(dimensions=["model"]))]
    parts = []
    for operator in ("in", "not_in"):
        filters = [{"field": "model", "operator": operator, "value": models[:7]}]
        parts += [row["model"] for row in rows(await query(dimensions=["model"], filters=filters))]
    assert sorted(models) == sorted(parts)


async def test_order(query: Query) -> None:
    """By a metric, the largest first unless said otherwise."""
    for direction, reverse in (("desc", True), ("asc", False)):
        order = {"field": "request_count", "direction": direction}
        counts = [int(row["request_count"]) for row in rows(await query(dimensions=["model"], order_by=order))]
        assert sorted(counts, reverse=reverse) == counts


async def test_an_answer_that_is_cut_off_says_so(start: Start, query: Query) -> None:
    """By the limit that was asked for, and by the service's own."""
    metadata = data(await query(dimensions=["model"], limit=3))["metadata"]
    assert (3, True) == (metadata["row_count"], metadata["truncated"])
    metadata = data(await query(dimensions=["model"]))["metadata"]
    assert (False, True) == (metadata["truncated"], metadata["row_count"] > 10)
    small = await start(SimulatorSettings(analytics_rows=5))
    metadata = data(await post_query(small.url, dimensions=["model"]))["metadata"]
    assert (5, True) == (metadata["row_count"], metadata["truncated"])


async def test_the_default_is_a_week(query: Query) -> None:
    """Up to now."""
    week = {"start": "2026-10-08T12:00:00Z", "end": TODAY["end"]}
    named = rows(await query(time_range=week))
    assert named == rows(await query(time_range=None))


async def test_the_same_question_is_answered_from_a_cache(query: Query, clock: StoppedClock) -> None:
    """For a minute; the answer says when it was made."""
    first = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    clock.now_value += timedelta(seconds=59)
    second = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    clock.now_value += timedelta(seconds=1)
    third = data(await query(time_range={"start": TODAY["start"], "end": "2026-10-15T23:00:00Z"}))
    assert first == second
    assert 60_000 == third["cachedAt"] - first["cachedAt"]
    assert int(third["data"][0]["request_count"]) > int(first["data"][0]["request_count"])


async def test_faults_of_rows(simulator: Running, query: Query) -> None:
    """Those that rows without a date can have; the others leave them alone."""
    whole = rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("late-day"))
    assert whole == rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("empty"))
    assert [] == rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("bad-row"))
    assert [None] == [row["model"] for row in rows(await query(dimensions=["model"])) if row not in whole]
    simulator.faults.replace(parse_fault("string-numbers"))
    assert isinstance(rows(await query(metrics=["total_usage"]))[0]["total_usage"], str)


async def test_a_truncated_answer(simulator: Running, query: Query) -> None:
    """On demand: half of the rows."""
    whole = rows(await query(dimensions=["model"]))
    simulator.faults.replace(parse_fault("truncated-rows"))
    cut = data(await query(dimensions=["model"]))
    assert (whole[: len(whole) // 2], True) == (cut["data"], cut["metadata"]["truncated"])


async def test_a_recording_has_no_today(start: Start) -> None:
    """It says nothing of hours."""
    recording = parse_recording(b'{"data":[{"date":"2026-04-22"}]}')
    replaying = await start(SimulatorSettings(replay=recording))
    assert [] == rows(await post_query(replaying.url, dimensions=["model"]))
