"""What a test may ask the simulator itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import Get, Start


@pytest.fixture
async def control(simulator: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the control paths."""
    async with aiohttp.ClientSession(simulator.origin) as session:
        yield session


async def test_requests_are_remembered(simulator: Running, get: Get) -> None:
    """Path, query and headers of each, and how many there were."""
    await get("/activity", date="2026-10-14")
    await get("/credits")
    seen = simulator.requests[0]
    assert simulator.counts == {"/api/v1/activity": 1, "/api/v1/credits": 1}
    assert (seen.method, seen.path, seen.query) == ("GET", "/api/v1/activity", {"date": "2026-10-14"})
    assert seen.headers["Accept-Encoding"] == "identity"
    assert seen.at == 1000.0


@pytest.mark.parametrize("authorization", ["Bearer sk-or-v1-demo", "sk-or-v1-demo", "Token sk-or-v1-demo"])
async def test_a_key_is_not_remembered(control: aiohttp.ClientSession, authorization: str) -> None:
    """Neither where it belongs nor where it was put by mistake."""
    headers = {"Authorization": authorization, "X-Api-Key": "sk-or-v1-demo"}
    async with control.get("/api/v1/activity?key=sk-or-v1-demo", headers=headers):
        pass
    async with control.get("/_simulator/requests") as response:
        assert "sk-or" not in await response.text()


async def test_requests_are_shown(control: aiohttp.ClientSession, get: Get) -> None:
    """To tests in another process; asking isn't counted."""
    await get("/activity")
    async with control.get("/_simulator/requests") as response:
        shown = await response.json()
    assert shown["counts"] == {"/api/v1/activity": 1}
    assert [seen["path"] for seen in shown["requests"]] == ["/api/v1/activity"]


async def test_memory_is_bounded(simulator: Running) -> None:
    """The last thousand requests at most."""
    assert simulator.requests.maxlen == 1000


async def test_faults_are_set_shown_and_cleared(control: aiohttp.ClientSession, get: Get) -> None:
    """POST replaces them all, GET shows those in force, DELETE clears."""
    faults = [{"kind": "status-503", "times": 1, "retry_after": "3"}, {"kind": "late-day"}]
    async with control.post("/_simulator/faults", json=faults) as response:
        assert response.status == 200
    first = await get("/activity")
    assert (first.status, first.headers["Retry-After"]) == (503, "3")
    async with control.get("/_simulator/faults") as response:
        assert await response.json() == [{"kind": "late-day", "probability": 1.0}]
    async with control.delete("/_simulator/faults") as response:
        assert response.status == 204
    async with control.get("/_simulator/faults") as response:
        assert await response.json() == []


async def test_a_wrong_fault_changes_nothing(control: aiohttp.ClientSession, simulator: Running) -> None:
    """400 says what is wrong; what was in force stays."""
    simulator.faults.replace(Fault(FaultKind.EMPTY))
    async with control.post("/_simulator/faults", json=[{"kind": "hnag"}]) as response:
        assert response.status == 400
        assert "did you mean 'hang'" in (await response.json())["error"]["message"]
    assert simulator.faults.active == (Fault(FaultKind.EMPTY),)


async def test_faults_come_with_the_settings(start: Start) -> None:
    """As `--fault` gives them; control paths are never struck."""
    simulator = await start(SimulatorSettings(faults=(Fault(FaultKind.STATUS, status=500),)))
    async with aiohttp.ClientSession(simulator.origin) as session:
        async with session.get("/api/v1/key") as response:
            assert response.status == 500
        async with session.get("/_simulator/requests") as response:
            assert (await response.json())["requests"][0]["faults"] == ["status-500"]
