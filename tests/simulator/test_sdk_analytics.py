"""The vendor's own client queries the simulated analytics API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig

from exporter.simulator.application import Running

NO_RETRIES = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), retry_connection_errors=False)
START, END = datetime(2026, 10, 15, tzinfo=UTC), datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.fixture
async def client(simulator: Running) -> AsyncIterator[OpenRouter]:
    """A client with the management key."""
    async with OpenRouter(api_key="sk-or-v1-demo", server_url=simulator.url, retry_config=NO_RETRIES) as client:
        yield client


async def test_sdk_reads_meta(client: OpenRouter) -> None:
    offered = (await client.analytics.get_analytics_meta_async()).data
    formats = {metric.name: metric.display_format for metric in offered.metrics}
    assert ("latency", "currency") == (formats["p99_latency"], formats["total_usage"])
    assert {"model", "provider"} < {dimension.name for dimension in offered.dimensions}


async def test_sdk_counts_rows_but_loses_their_values(client: OpenRouter) -> None:
    """Which is why this exporter does not use it."""
    response = await client.analytics.query_analytics_async(
        metrics=["request_count"], time_range={"start": START, "end": END}
    )
    data = response.data
    assert (1, 1, False) == (len(data.data), data.metadata.row_count, data.metadata.truncated)
    assert not data.data[0].model_dump()


async def test_sdk_raises_bad_request_with_the_apis_message(client: OpenRouter) -> None:
    with pytest.raises(errors.BadRequestResponseError, match="metrics: Unknown metric: nothing"):
        await client.analytics.query_analytics_async(metrics=["nothing"], time_range={"start": START, "end": END})
