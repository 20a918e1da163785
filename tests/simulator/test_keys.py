"""Keys, accounts and unknown paths; `GET /credits` and `GET /key`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get
from tests.support import FakeClock


@pytest.mark.parametrize("path", ["/activity", "/credits", "/key"])
async def test_missing_key_is_401(get: Get, path: str) -> None:
    response = await get(path, key=None)
    assert response.status == 401
    assert response.content == {"error": {"message": "Missing Authentication header", "code": 401}}


@pytest.mark.parametrize("key", ["sk-or-v1-wrong", "sk-or-v1-demonstration", "sk-or-v1-demo-", "x"])
async def test_unknown_key_is_401(get: Get, key: str) -> None:
    response = await get("/activity", key=key)
    assert response.status == 401
    assert response.content == {"error": {"message": "User not found", "code": 401}}


async def test_activity_with_ordinary_key_is_403(get: Get) -> None:
    response = await get("/activity", key="sk-or-v1-ordinary")
    assert response.status == 403
    assert response.content == {"error": {"message": "Only management keys can perform this operation", "code": 403}}


async def test_credits_with_ordinary_key_are_zero(get: Get) -> None:
    """The live service does the same, and exporters that believe it publish a false 0."""
    response = await get("/credits", key="sk-or-v1-ordinary")
    assert response.status == 200
    assert response.content == {"data": {"total_credits": 0, "total_usage": 0}}


@pytest.mark.parametrize(("key", "expected"), [("sk-or-v1-demo", True), ("sk-or-v1-ordinary", False)])
async def test_key_reports_whether_it_is_a_management_key(get: Get, key: str, *, expected: bool) -> None:
    """The field has its current and its old name."""
    data = (await get("/key", key=key)).content["data"]
    assert (data["is_management_key"], data["is_provisioning_key"]) == (expected, expected)


async def test_credits_usage_grows_by_the_days_rows(get: Get, clock: FakeClock) -> None:
    clock.jump(datetime(2026, 10, 14, tzinfo=UTC))
    before = (await get("/credits")).content["data"]
    clock.jump(datetime(2026, 10, 15, tzinfo=UTC))
    after = (await get("/credits")).content["data"]
    used = sum(row.usage for row in SimulatedAccount(1).rows_of_day(clock.now().date().replace(day=14)))
    assert after["total_usage"] - before["total_usage"] == pytest.approx(used, abs=1e-6)
    assert after["total_credits"] > after["total_usage"]


async def test_ordinary_key_reports_usage_by_period(get: Get, clock: FakeClock) -> None:
    data = (await get("/key", key="sk-or-v1-ordinary")).content["data"]
    assert 0 < data["usage_daily"] < data["usage_weekly"] < data["usage_monthly"] < data["usage"]
    assert data["limit_remaining"] == pytest.approx(data["limit"] - data["usage_monthly"])
    clock.jump(datetime(2026, 10, 16, tzinfo=UTC))
    assert (await get("/key", key="sk-or-v1-ordinary")).content["data"]["usage_daily"] == 0


async def test_key_suffix_selects_an_account(get: Get) -> None:
    first = (await get("/activity", key="sk-or-v1-demo-first")).content
    assert first == (await get("/activity", key="sk-or-v1-demo-first")).content
    assert first != (await get("/activity", key="sk-or-v1-demo-second")).content
    assert first != (await get("/activity")).content


@pytest.mark.parametrize("path", ["/", "/activities", "/activity/", "/../activity"])
async def test_unknown_path_is_404(get: Get, path: str) -> None:
    response = await get(path)
    assert response.status == 404
    assert response.content["error"]["code"] == 404


async def test_auth_key_is_the_old_path_of_key(get: Get) -> None:
    assert (await get("/auth/key")).content == (await get("/key")).content


def test_default_account_has_40_endpoints() -> None:
    assert SimulatorSettings().endpoints == 40
