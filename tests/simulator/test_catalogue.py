"""`GET /models` and `GET /models/{author}/{slug}/endpoints`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from exporter.simulator.models import MODELS
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import Get, Start
from tests.support import FakeClock


async def models(get: Get, **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the listed models by id."""
    return {row["id"]: row for row in (await get("/models", None, **parameters)).content["data"]}


async def test_models_need_no_key(get: Get) -> None:
    assert 200 == (await get("/models", None)).status
    assert 200 == (await get("/models/openai/gpt-5/endpoints", None)).status


async def test_prices_are_decimal_strings_per_token(get: Get) -> None:
    """They have no exponents, and a free model costs "0"."""
    listed = await models(get)
    pricing = listed["google/gemini-2.5-flash-lite"]["pricing"]
    assert ("0.0000001", "0.0000004", "0.00000001") == tuple(
        pricing[kind] for kind in ("prompt", "completion", "input_cache_read")
    )
    assert "0" == listed["meta-llama/llama-3.3-70b-instruct:free"]["pricing"]["prompt"]
    prices = [price for row in listed.values() for price in row["pricing"].values() if isinstance(price, str)]
    assert not [price for price in prices if "e" in price.lower()]


async def test_router_has_the_price_minus_one(get: Get) -> None:
    assert {"prompt": "-1", "completion": "-1"} == (await models(get))["openrouter/auto"]["pricing"]


async def test_alias_names_its_target(get: Get) -> None:
    assert "openai/gpt-5" == (await models(get))["~openai/gpt-latest"]["alias_target"]["slug"]


async def test_prices_may_have_overrides_and_a_discount(get: Get, clock: FakeClock) -> None:
    """Overrides are by length of the prompt and by time of day."""
    clock.jump(next(day for day in days_from(clock.now()) if MODELS_BY_SLUG["z-ai/glm-4.6"].served_on(day.date())))
    listed = await models(get)
    assert 200_000 == listed["google/gemini-2.5-pro"]["pricing"]["overrides"][0]["min_prompt_tokens"]
    assert 1630 == listed["deepseek/deepseek-chat-v3.1"]["pricing"]["overrides"][0]["utc_start"]
    assert [0.25] == [row["pricing"]["discount"] for row in listed.values() if "discount" in row["pricing"]]


MODELS_BY_SLUG = {model.slug: model for model in MODELS}


def days_from(moment: datetime) -> list[datetime]:
    """Return this time of day on this day and the days after it."""
    return [moment + timedelta(days=number) for number in range(90)]


async def test_model_disappears_after_its_expiration_date(get: Get, clock: FakeClock) -> None:
    """It is announced up to 30 days before."""
    listed = await models(get)
    expiring = {id_: row["expiration_date"] for id_, row in listed.items() if row["expiration_date"] is not None}
    assert expiring
    for id_, day in expiring.items():
        last = date.fromisoformat(day)
        clock.jump(datetime(last.year, last.month, last.day, 23, 59, tzinfo=UTC))
        assert id_ in await models(get)
        clock.jump(clock.now() + timedelta(minutes=1))
        assert id_ not in await models(get)
        assert 404 == (await get(f"/models/{id_}/endpoints", None)).status


async def test_only_models_with_text_output_unless_all_are_requested(get: Get) -> None:
    embedding = "openai/text-embedding-3-small"
    assert embedding not in await models(get)
    assert embedding in await models(get, output_modalities="all")


async def test_context_length_may_be_null(get: Get) -> None:
    assert None in {row["context_length"] for row in (await models(get)).values()}


async def test_models_come_in_pages_on_request(start: Start) -> None:
    """Without parameters the list is complete. A page links to the next one."""
    simulator = await start(SimulatorSettings(models=1200))
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{simulator.url}/models") as response:
            whole = await response.json()
        async with session.get(f"{simulator.url}/models?offset=0&limit=1000") as response:
            first = await response.json()
        async with session.get(f"{simulator.origin}{first['links']['next']}") as response:
            second = await response.json()
    assert whole["data"] == first["data"] + second["data"]
    assert whole["total_count"] == len(whole["data"]) > 1000
    assert second["links"] == whole["links"] == {"next": None}


@pytest.mark.parametrize("path", ["/models/openai/none/endpoints", "/models/openai/endpoints", "/models/a/b/c"])
async def test_unknown_model_is_404(get: Get, path: str) -> None:
    assert 404 == (await get(path)).status


async def every_endpoint(get: Get, key: str | None) -> list[dict[str, Any]]:
    """Return the endpoints of all models that are served."""
    pages = [await get(f"/models/{model.slug}/endpoints", key) for model in MODELS]
    return [row for page in pages if page.status == 200 for row in page.content["data"]["endpoints"]]


async def test_latency_and_throughput_are_null_without_a_key(get: Get) -> None:
    public, measured = await every_endpoint(get, None), await every_endpoint(get, "sk-or-v1-demo")
    assert {None} == {row[name] for row in public for name in ("latency_last_30m", "throughput_last_30m")}
    assert ["p50", "p75", "p90", "p99"] == list(
        next(row["latency_last_30m"] for row in measured if row["latency_last_30m"])
    )


async def test_uptime_is_a_percentage_or_null(get: Get) -> None:
    """It is null without enough traffic. A degraded endpoint has another status."""
    endpoints = await every_endpoint(get, None)
    uptimes = [row["uptime_last_5m"] for row in endpoints]
    assert None in uptimes
    assert all(0 <= uptime <= 100 for uptime in uptimes if uptime is not None)
    assert {0, -2} == {row["status"] for row in endpoints}


async def test_endpoints_of_a_model_have_different_prices(get: Get) -> None:
    """The first one has the list price. A promotion on the model is not one on its endpoints."""
    listed = (await models(get))["meta-llama/llama-3.3-70b-instruct"]["pricing"]
    rows = (await get("/models/meta-llama/llama-3.3-70b-instruct/endpoints", None)).content["data"]["endpoints"]
    prompts = [float(row["pricing"]["prompt"]) for row in rows]
    assert float(listed["prompt"]) == prompts[0]
    assert len(rows) == len(set(prompts))


async def test_degraded_endpoints_are_degraded_for_days(get: Get) -> None:
    """No account of the demo has an outage."""
    rows = [row for row in await every_endpoint(get, None) if row["status"] and row["uptime_last_1d"] is not None]
    assert rows
    assert all(row["uptime_last_1d"] < 95 for row in rows)
