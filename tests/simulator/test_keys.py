"""Who may ask for what: keys, accounts, unknown paths, `/credits` and `/key`."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
import pytest

from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get, Start, StoppedClock


@pytest.mark.parametrize("path", ["/activity", "/credits", "/key"])
async def test_without_a_key(get: Get, path: str) -> None:
    """401, in the API's own words."""
    response = await get(path, key=None)
    assert response.status == 401
    assert response.content == {"error": {"message": "Missing Authentication header", "code": 401}}


@pytest.mark.parametrize("key", ["sk-or-v1-wrong", "sk-or-v1-demonstration", "sk-or-v1-demo-", "x"])
async def test_with_an_unknown_key(get: Get, key: str) -> None:
    """401, in other words."""
    response = await get("/activity", key=key)
    assert response.status == 401
    assert response.content == {"error": {"message": "User not found", "code": 401}}


async def test_an_ordinary_key_may_not_read_activity(get: Get) -> None:
    """403: only management keys can."""
    response = await get("/activity", key="sk-or-v1-ordinary")
    assert response.status == 403
    assert response.content == {"error": {"message": "Only management keys can perform this operation", "code": 403}}


async def test_an_ordinary_key_is_told_zero_credits(get: Get) -> None:
    """200 and zeros, as seen live: what makes balance exporters publish a false 0."""
    response = await get("/credits", key="sk-or-v1-ordinary")
    assert response.status == 200
    assert response.content == {"data": {"total_credits": 0, "total_usage": 0}}


@pytest.mark.parametrize(("key", "expected"), [("sk-or-v1-demo", True), ("sk-or-v1-ordinary", False)])
async def test_a_key_says_what_it_is(get: Get, key: str, *, expected: bool) -> None:
    """By its new name and by its old one."""
    data = (await get("/key", key=key)).content["data"]
    assert (data["is_management_key"], data["is_provisioning_key"]) == (expected, expected)


async def test_credits_grow_by_what_is_used(get: Get, clock: StoppedClock) -> None:
    """From midnight to midnight the total grows by the day's rows."""
    clock.now_value = datetime(2026, 10, 14, tzinfo=UTC)
    before = (await get("/credits")).content["data"]
    clock.now_value = datetime(2026, 10, 15, tzinfo=UTC)
    after = (await get("/credits")).content["data"]
    used = sum(row.usage for row in SimulatedAccount(1).rows_of_day(clock.now_value.date().replace(day=14)))
    assert after["total_usage"] - before["total_usage"] == pytest.approx(used, abs=1e-6)
    assert after["total_credits"] > after["total_usage"]


async def test_an_ordinary_key_knows_its_windows(get: Get, clock: StoppedClock) -> None:
    """The day is a part of the week, of the month, of all; at midnight the day starts at nothing."""
    data = (await get("/key", key="sk-or-v1-ordinary")).content["data"]
    assert 0 < data["usage_daily"] < data["usage_weekly"] < data["usage_monthly"] < data["usage"]
    assert data["limit_remaining"] == pytest.approx(data["limit"] - data["usage_monthly"])
    clock.now_value = datetime(2026, 10, 16, tzinfo=UTC)
    assert (await get("/key", key="sk-or-v1-ordinary")).content["data"]["usage_daily"] == 0


async def test_each_suffix_is_an_account(get: Get) -> None:
    """`sk-or-v1-demo-<anything>` is the management key of an account of its own, always the same."""
    first = (await get("/activity", key="sk-or-v1-demo-first")).content
    assert first == (await get("/activity", key="sk-or-v1-demo-first")).content
    assert first != (await get("/activity", key="sk-or-v1-demo-second")).content
    assert first != (await get("/activity")).content


async def test_settings_name_further_keys(start: Start) -> None:
    """A test that rotates a key gives two keys one seed."""
    simulator = await start(SimulatorSettings(keys={"sk-or-v1-old": 5, "sk-or-v1-new": 5}))
    answers = []
    async with aiohttp.ClientSession() as session:
        for key in ("sk-or-v1-old", "sk-or-v1-new"):
            async with session.get(f"{simulator.url}/activity", headers={"Authorization": f"Bearer {key}"}) as response:
                answers.append(await response.json())
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", ["/", "/activities", "/activity/", "/../activity"])
async def test_unknown_paths(get: Get, path: str) -> None:
    """404 in JSON."""
    response = await get(path)
    assert response.status == 404
    assert response.content["error"]["code"] == 404


async def test_the_old_path_of_key_still_works(get: Get) -> None:
    """Many clients use it."""
    assert (await get("/auth/key")).content == (await get("/key")).content


def test_settings_have_usable_defaults() -> None:
    """What `demo` simulates."""
    assert SimulatorSettings().endpoints == 40
