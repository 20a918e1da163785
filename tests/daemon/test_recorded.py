"""A recorded response of the API, served by the simulator and polled by `once`."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.simulator.application import running
from exporter.simulator.replay import read_recording
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import KEY, run, samples, value

RECORDED = Path(__file__).parents[2].parent / "shared/recorded/activity-2026-04-22.json"
WHOLE = 431.943021
OLDEST_DATE = "2026-03-23"


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded response is not on this machine")
async def test_recorded_response_adds_up(write_configuration: Callable[..., Path]) -> None:
    """31 dates were recorded and the window has 30, so the sum lacks the oldest date."""
    rows = json.loads(RECORDED.read_text())["data"]
    assert pytest.approx(WHOLE, abs=1e-6) == float(sum(Fraction(str(row["usage"])) for row in rows))
    outside = sum(Fraction(str(row["usage"])) for row in rows if row["date"].startswith(OLDEST_DATE))

    async with running(SimulatorSettings(replay=read_recording(RECORDED)), SystemClock()) as simulator:
        path = write_configuration(simulator.url)
        code, out, _ = await run("once", f"--config.file={path}", variables={"OPENROUTER_API_KEY": KEY})

    assert 0 == code
    families = samples(out)
    total = value(families, "openrouter_activity_30d_usage_usd")
    assert total is not None
    assert pytest.approx(WHOLE - float(outside), rel=1e-12) == total
    assert value(families, "openrouter_activity_30d_cached_tokens") is None
    assert len({row["model"] for row in rows if not row["date"].startswith(OLDEST_DATE)}) == sum(
        name == "openrouter_activity_requests" for name, _ in families
    )
