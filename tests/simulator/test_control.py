"""The control paths."""

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
    """Return a client of the control paths."""
    async with aiohttp.ClientSession(simulator.origin) as session:
        yield session


async def test_requests_are_recorded(simulator: Running, get: Get) -> None:
    await get("/activity", date="2026-10-14")
    await get("/credits")
    seen = simulator.requests[0]
    assert simulator.counts == {"/api/v1/activity": 1, "/api/v1/credits": 1}
    assert (seen.method, seen.path, seen.query) == ("GET", "/api/v1/activity", {"date": "2026-10-14"})
    assert seen.headers["Accept-Encoding"] == "identity"
    assert seen.at == 1000.0


@pytest.mark.parametrize("authorization", ["Bearer sk-or-v1-demo", "sk-or-v1-demo", "Token sk-or-v1-demo"])
async def test_keys_are_redacted_in_recorded_requests(control: aiohttp.ClientSession, authorization: str) -> None:
    headers = {"Authorization": authorization, "X-Api-Key": "sk-or-v1-demo"}
    async with control.get("/api/v1/activity?key=sk-or-v1-demo", headers=headers):
        pass
    async with control.get("/_simulator/requests") as response:
        assert "sk-or" not in await response.text()


async def test_recorded_requests_are_listed_without_counting_the_listing(
    control: aiohttp.ClientSession, get: Get
) -> None:
    await get("/activity")
    async with control.get("/_simulator/requests") as response:
        shown = await response.json()
    assert shown["counts"] == {"/api/v1/activity": 1}
    assert [seen["path"] for seen in shown["requests"]] == ["/api/v1/activity"]


async def test_recorded_requests_are_bounded(simulator: Running) -> None:
    assert simulator.requests.maxlen == 1000


async def test_faults_are_set_listed_and_cleared(control: aiohttp.ClientSession, get: Get) -> None:
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


async def test_bad_fault_is_400_and_changes_nothing(control: aiohttp.ClientSession, simulator: Running) -> None:
    simulator.faults.replace(Fault(FaultKind.EMPTY))
    async with control.post("/_simulator/faults", json=[{"kind": "hnag"}]) as response:
        assert response.status == 400
        assert "did you mean 'hang'" in (await response.json())["error"]["message"]
    assert simulator.faults.active == (Fault(FaultKind.EMPTY),)


async def test_faults_from_settings_do_not_affect_control_paths(start: Start) -> None:
    simulator = await start(SimulatorSettings(faults=(Fault(FaultKind.STATUS, status=500),)))
    async with aiohttp.ClientSession(simulator.origin) as session:
        async with session.get("/api/v1/key") as response:
            assert response.status == 500
        async with session.get("/_simulator/requests") as response:
            assert (await response.json())["requests"][0]["faults"] == ["status-500"]
