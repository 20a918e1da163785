"""Questions to the simulated analytics API, and what is looked for in its answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.simulator.helpers import Got

TODAY = {"start": "2026-10-15T00:00:00Z", "end": "2026-10-15T12:00:00Z"}
YESTERDAY = {"start": "2026-10-14T00:00:00Z", "end": "2026-10-15T00:00:00Z"}
COUNTS = ("request_count", "tokens_prompt", "tokens_completion", "reasoning_tokens", "cached_tokens")

Query = Callable[..., Awaitable[Got]]


async def post_query(url: str, key: str = "sk-or-v1-demo", content: bytes | None = None, **body: Any) -> Got:
    """Ask a question; one about today's requests unless said otherwise."""
    whole = json.dumps({"metrics": ["request_count"], "time_range": TODAY} | body).encode()
    headers = {"Accept-Encoding": "identity", "Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/analytics/query", data=content or whole, headers=headers) as response,
    ):
        return Got(response.status, response.headers, await response.read())


def data(got: Got) -> Any:
    assert got.status == 200, got.content
    return got.content["data"]


def rows(got: Got) -> list[dict[str, Any]]:
    return list(data(got)["data"])


def message(got: Got) -> str:
    assert got.status == 400
    return str(got.content["error"]["message"])
