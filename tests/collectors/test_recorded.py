"""A recorded response and the official SDK: both agree with the gauges."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest
from openrouter import OpenRouter

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.simulator.application import Running, running
from exporter.simulator.replay import read_recording
from exporter.simulator.service import SimulatorSettings
from tests.collectors.helpers import DOCUMENTED_FIELDS, Polled, poll, response_of
from tests.support import NOON, FakeClock

RECORDED = Path(__file__).parents[2].parent / "shared/recorded/activity-2026-04-22.json"
KEY = "sk-or-v1-demo"
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded response is not part of this checkout")


async def polled(simulator: Running, **settings: str) -> Polled:
    """Poll what the simulator returns."""
    parameters = {"group_by": "workspace"} if settings else {}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
        session.get(simulator.url + "/activity", params=parameters) as response,
    ):
        body = await response.read()
    return poll(ActivityCollector("default", ActivitySettings(**settings)), response_of(body, NOON))  # type: ignore[arg-type]


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return a simulated account with 40 endpoints at noon."""
    async with running(SimulatorSettings(), FakeClock()) as simulator:
        yield simulator


@recorded
async def test_usage_of_the_recorded_response_adds_up() -> None:
    """It has 31 dates with 431.943021 USD, and the 9.637216 USD of the oldest one are outside the 30 days."""
    rows = json.loads(RECORDED.read_bytes(), parse_float=Fraction)["data"]
    by_date: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows:
        by_date[row["date"]] += row["usage"]
    oldest = by_date.pop(min(by_date))
    assert (oldest, oldest + sum(by_date.values())) == (Fraction("9.637216"), Fraction("431.943021"))

    async with running(SimulatorSettings(replay=read_recording(RECORDED)), FakeClock()) as simulator:
        read = await polled(simulator)
    assert read.rejected == {}
    total = sum(read.shown["30d_usage_usd"].values())
    assert total == pytest.approx(float(Fraction("431.943021") - Fraction("9.637216")), rel=1e-12)
    assert total == pytest.approx(422.305805, rel=1e-12)
    latest = float(by_date[max(by_date)])
    assert sum(read.shown["usage_usd"].values()) == pytest.approx(latest, rel=1e-12)
    assert sum(usd for _, usd in read.collected.summary.spend) == pytest.approx(431.943021, rel=1e-12)


@recorded
async def test_recorded_response_without_names_is_published() -> None:
    """A date, a model and numbers are enough. Cached tokens, which it lacks, have no series."""
    async with running(SimulatorSettings(replay=read_recording(RECORDED)), FakeClock()) as simulator:
        shown = (await polled(simulator)).shown
    assert {(provider, endpoint) for _, provider, endpoint in shown["30d_requests"]} == {("", "")}
    assert len(shown["30d_requests"]) == 17
    assert shown["30d_cached_tokens"] == {}


# The SDK warns of its own deprecated fields whenever it reads them.
@pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")
@pytest.mark.parametrize("split", [False, True])
async def test_sdk_reads_the_same_sums(simulator: Running, *, split: bool) -> None:
    """This holds for every measure of every endpoint over 30 days."""
    async with OpenRouter(api_key=KEY, server_url=simulator.url) as client:
        request = {"group_by": "workspace"} if split else {}
        items = (await client.analytics.get_user_activity_async(request=request)).data
    read = await polled(simulator, **({"split_by": "workspace"} if split else {}))
    for measure, field in DOCUMENTED_FIELDS.items():
        sums: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
        for item in items:
            workspace = (str(item.workspace_id),) if split else ()
            key = (item.model, item.provider_name, item.endpoint_id, *workspace)
            sums[key] += Fraction(str(getattr(item, field)))
        expected = {key: float(number) for key, number in sums.items()}
        assert read.shown[f"30d_{measure}"] == pytest.approx(expected, rel=1e-12, abs=0)
