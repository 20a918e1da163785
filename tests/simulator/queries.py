"""Queries to the simulated analytics API, and readers of its responses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.simulator.helpers import Fetched

TODAY = {"start": "2026-10-15T00:00:00Z", "end": "2026-10-15T12:00:00Z"}
YESTERDAY = {"start": "2026-10-14T00:00:00Z", "end": "2026-10-15T00:00:00Z"}
COUNTS = ("request_count", "tokens_prompt", "tokens_completion", "reasoning_tokens", "cached_tokens")

Query = Callable[..., Awaitable[Fetched]]


async def post_query(url: str, key: str = "sk-or-v1-demo", content: bytes | None = None, **body: Any) -> Fetched:
    """POST a query; by default for today's number of requests."""
    whole = json.dumps({"metrics": ["request_count"], "time_range": TODAY} | body).encode()
    headers = {"Accept-Encoding": "identity", "Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/analytics/query", data=content or whole, headers=headers) as response,
    ):
        return Fetched(response.status, response.headers, await response.read())


def data(got: Fetched) -> Any:
    assert got.status == 200, got.content
    return got.content["data"]


def rows(got: Fetched) -> list[dict[str, Any]]:
    return list(data(got)["data"])


def message(got: Fetched) -> str:
    assert got.status == 400
    return str(got.content["error"]["message"])
