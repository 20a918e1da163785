"""Errors of the analytics API, and its rate limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.simulator.application import Running
from tests.simulator.helpers import Get
from tests.simulator.queries import TODAY, Query, message, post_query, rows
from tests.support import FakeClock

SINCE_SEPTEMBER = {"start": "2026-09-01T00:00:00Z", "end": TODAY["end"]}
MINUTES = {"start": "2026-10-15T00:00Z", "end": "2026-10-15T12:00Z"}
TOO_LONG = {"start": "2025-10-01T00:00:00Z", "end": TODAY["end"]}
SHORT = "time_range exceeds maximum of 31 days for the requested metrics/dimensions"


@pytest.mark.parametrize("key", ["sk-or-v1-ordinary", "sk-or-v1-ordinary-other"])
async def test_ordinary_key_is_403(simulator: Running, get: Get, key: str) -> None:
    assert (403, 403) == ((await post_query(simulator.url, key)).status, (await get("/analytics/meta", key)).status)


async def test_get_query_is_405_and_meta_without_key_is_401(get: Get) -> None:
    assert (405, 401) == ((await get("/analytics/query")).status, (await get("/analytics/meta", None)).status)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"metrics": []}, "metrics: Too small: expected array to have >=1 items"),
        ({"metrics": ["request_counts"]}, "metrics: Unknown metric: request_counts"),
        ({"metrics": "request_count"}, "metrics: Invalid input: expected array of strings"),
        ({"dimensions": ["model", "provider", "app"]}, "dimensions: Too big: expected array to have <=2 items"),
        ({"dimensions": ["is_byok"]}, "dimensions: Unknown dimension: is_byok"),
        ({"limit": 10001}, "limit: Too big: expected number to be <=10000"),
        ({"limit": 0}, "limit: Too small: expected number to be >=1"),
        ({"limit": "many"}, "limit: Invalid input: expected number"),
        ({"granularity": "second"}, "granularity: Invalid option: expected one of minute|hour|day|week|month"),
        (
            {"time_range": MINUTES},
            "time_range.start: Invalid ISO datetime",
        ),
        ({"time_range": {"start": "2026-10-15T00:00:00Z"}}, "time_range.end: Invalid ISO datetime"),
        ({"time_range": {"start": TODAY["start"], "end": TODAY["start"]}}, "time_range: start must be before end"),
        ({"time_range": "today"}, "time_range: Invalid input: expected object"),
        (
            {"time_range": TOO_LONG},
            "time_range exceeds maximum of 367 days",
        ),
        ({"time_range": SINCE_SEPTEMBER, "dimensions": ["provider"]}, SHORT),
        ({"time_range": SINCE_SEPTEMBER, "metrics": ["p99_latency"]}, SHORT),
        ({"filters": [{"field": "model", "operator": "in", "value": "one"}]}, "filters: operator in expects an array"),
        (
            {"filters": [{"field": "model", "operator": "eq", "value": ["one"]}]},
            "filters: operator eq expects a scalar",
        ),
        ({"filters": [{"field": "model", "operator": "is", "value": "one"}]}, "filters: Unknown operator: is"),
        ({"filters": [{"field": "colour", "operator": "eq", "value": "one"}]}, "filters: Unknown field: colour"),
        ({"filters": [{}] * 21}, "filters: Too big: expected array to have <=20 items"),
        (
            {"filters": [{"field": "model", "operator": "in", "value": ["one"], "include_unset": True}]},
            "filters: include_unset is only for in and not_in on api_key_id, app, user",
        ),
        (
            {"order_by": {"field": "model"}},
            "order_by.field: expected a requested metric, request_count, a requested dimension or date",
        ),
        (
            {"order_by": {"field": "date", "direction": "up"}},
            "order_by.direction: Invalid option: expected one of asc|desc",
        ),
        (
            {"metrics": ["cache_capture_rate"], "dimensions": ["app"]},
            "cache_capture_rate supports only model and provider dimensions and filters, not minute",
        ),
    ],
)
async def test_bad_query_is_400_with_the_apis_message(query: Query, body: dict[str, Any], expected: str) -> None:
    assert expected == message(await query(**body))


async def test_body_that_is_not_json_is_400(simulator: Running) -> None:
    assert message(await post_query(simulator.url, content=b"{")) == "Invalid JSON in request body"


async def test_rollup_query_may_cover_a_year(query: Query) -> None:
    year = {"start": "2025-10-15T00:00:00Z", "end": TODAY["end"]}
    assert rows(await query(dimensions=["model"], time_range=year))


async def test_rate_limit_is_64_requests_per_minute(simulator: Running, get: Get, clock: FakeClock) -> None:
    """Queries and metadata share it. A 429 has the platform's headers, and the limit is per account."""
    responses = [await get("/analytics/meta") for _ in range(63)]
    responses += [await post_query(simulator.url), await post_query(simulator.url), await get("/analytics/meta")]
    assert [200] * 64 + [429] * 2 == [response.status for response in responses]
    assert "64" == responses[-1].headers["X-RateLimit-Limit"]
    assert 200 == (await post_query(simulator.url, "sk-or-v1-demo-other")).status
    clock.jump(clock.now() + timedelta(minutes=1))
    assert 200 == (await post_query(simulator.url)).status
