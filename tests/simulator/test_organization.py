"""Keys, workspaces and members as the simulated API lists them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import MANAGEMENT, Get, Start, StoppedClock

ALL = {"include_disabled": "true", "include_expired": "true"}
PATHS = ("/keys", "/workspaces", "/organization/members")


async def every_key(get: Get, **parameters: str) -> list[dict[str, Any]]:
    """Return the first page of each workspace."""
    workspaces = (await get("/workspaces")).content["data"]
    pages = [(await get("/keys", workspace_id=each["id"], **parameters)).content["data"] for each in workspaces]
    return [row for page in pages for row in page]


async def test_there_are_a_dozen_keys_in_three_workspaces(get: Get) -> None:
    """Each once, and listed where it belongs."""
    keys = await every_key(get, **ALL)
    assert len({key["hash"] for key in keys}) == len(keys) == 12
    assert len({key["workspace_id"] for key in keys}) == 3


async def test_only_the_default_workspace_is_listed_unless_asked_for(get: Get) -> None:
    """What makes the other keys easy to miss."""
    default = (await get("/workspaces")).content["data"][0]["id"]
    assert (await get("/keys")).content == (await get("/keys", workspace_id=default)).content
    assert {key["workspace_id"] for key in (await get("/keys")).content["data"]} == {default}


async def test_disabled_and_expired_keys_are_left_out_unless_asked_for(get: Get, clock: StoppedClock) -> None:
    """One of each."""
    shown, everything = await every_key(get), await every_key(get, **ALL)
    hidden = [key for key in everything if key not in shown]
    assert [key["disabled"] for key in hidden].count(True) == 1
    assert [key["expires_at"] < clock.now().isoformat() for key in hidden if key["expires_at"]] == [True]
    assert len(hidden) == 2


async def test_one_key_expires_soon(get: Get, clock: StoppedClock) -> None:
    """Within two weeks; then it is gone."""
    expiring = [key for key in await every_key(get) if key["expires_at"]]
    assert len(expiring) == 1
    clock.now_value += timedelta(days=14)
    assert expiring[0]["hash"] not in {key["hash"] for key in await every_key(get)}


async def test_names_are_shared_and_limits_are_null(get: Get) -> None:
    """As people do it."""
    keys = await every_key(get, **ALL)
    assert len({key["name"] for key in keys}) < len(keys)
    assert {key["limit_reset"] for key in keys} == {None, "daily", "weekly", "monthly"}
    assert any(key["limit"] is None and key["limit_remaining"] is None for key in keys)


@pytest.mark.parametrize("hour", [0, 12, 23])
async def test_the_keys_together_used_the_accounts_credits(get: Get, clock: StoppedClock, hour: int) -> None:
    """But for roundings: a millionth per key, day and sum."""
    clock.now_value = clock.now_value.replace(hour=hour)
    used = (await get("/credits")).content["data"]["total_usage"]
    assert sum(key["usage"] for key in await every_key(get, **ALL)) == pytest.approx(used, abs=1e-3)


async def test_windows_are_parts_of_each_other(get: Get) -> None:
    """The day of the week, of the month, of all."""
    for key in await every_key(get, **ALL):
        for kind in ("usage", "byok_usage"):
            windows = [key[f"{kind}{suffix}"] for suffix in ("_daily", "_weekly", "_monthly", "")]
            assert windows == sorted(windows)


async def test_remaining_is_the_limit_less_its_window(get: Get) -> None:
    """Not less all that was ever spent."""
    suffixes = {"daily": "_daily", "weekly": "_weekly", "monthly": "_monthly", None: ""}
    for key in await every_key(get):
        if key["limit"] is not None:
            spent = key[f"usage{suffixes[key['limit_reset']]}"]
            assert key["limit_remaining"] == pytest.approx(key["limit"] - spent, abs=1e-6)


async def test_the_day_starts_at_nothing(get: Get, clock: StoppedClock) -> None:
    """At midnight."""
    clock.now_value = datetime(2026, 10, 16, tzinfo=UTC)
    assert {key["usage_daily"] for key in await every_key(get)} == {0}


async def test_the_ordinary_key_is_one_of_them(get: Get) -> None:
    """And says the same of itself."""
    itself = (await get("/key", key="sk-or-v1-ordinary")).content["data"]
    fields = ("usage", "usage_daily", "usage_monthly", "byok_usage", "limit", "limit_reset", "workspace_id")
    told = {name: itself[name] for name in fields}
    assert any(
        all(key[name] == pytest.approx(value, abs=1e-4) for name, value in told.items() if isinstance(value, float))
        and key["workspace_id"] == told["workspace_id"]
        for key in await every_key(get)
    )


async def test_the_same_moment_has_the_same_keys(start: Start) -> None:
    """Whichever process answers."""
    answers = []
    async with aiohttp.ClientSession(headers=MANAGEMENT) as session:
        for _ in range(2):
            simulator = await start()
            async with session.get(f"{simulator.url}/keys") as response:
                answers.append(await response.read())
    assert answers[0] == answers[1]


async def test_pages_have_a_hundred_keys(start: Start) -> None:
    """The most recent first; what is beyond the end is empty."""
    simulator = await start(SimulatorSettings(api_keys=603))
    sizes, created = [], []
    async with aiohttp.ClientSession(headers=MANAGEMENT) as session:
        for offset in (0, 100, 200, 300):
            async with session.get(f"{simulator.url}/keys", params={"offset": str(offset)} | ALL) as response:
                page = (await response.json())["data"]
            sizes.append(len(page))
            created += [key["created_at"] for key in page]
    assert sizes == [100, 100, 1, 0]
    assert created == sorted(created, reverse=True)


async def test_workspaces_and_members_are_counted(get: Get) -> None:
    """In pages of fifty, or as many as were asked for."""
    for path in ("/workspaces", "/organization/members"):
        whole = (await get(path)).content
        assert whole["total_count"] == len(whole["data"]) == 3
        part = (await get(path, offset="1", limit="1")).content
        assert part == {"data": whole["data"][1:2], "total_count": 3}


@pytest.mark.parametrize("path", PATHS)
async def test_an_ordinary_key_may_not_ask(get: Get, path: str) -> None:
    """403; without a key 401."""
    assert (await get(path, key="sk-or-v1-ordinary")).status == 403
    assert (await get(path, key=None)).status == 401


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/keys", {"offset": "-1"}, 400),
        ("/keys", {"offset": "x"}, 400),
        ("/keys", {"include_disabled": "maybe"}, 400),
        ("/keys", {"workspace_id": "unknown"}, 404),
        ("/workspaces", {"limit": "101"}, 400),
        ("/workspaces", {"limit": "0"}, 400),
        ("/organization/members", {"offset": "1.5"}, 400),
    ],
)
async def test_parameters_that_the_api_refuses(get: Get, path: str, parameters: dict[str, str], status: int) -> None:
    """In its own way of saying so."""
    response = await get(path, **parameters)
    assert (response.status, response.content["error"]["code"]) == (status, status)


@pytest.mark.parametrize("path", PATHS)
async def test_faults_strike_here_too(get: Get, simulator: Running, path: str) -> None:
    """As on every path."""
    simulator.faults.replace(parse_fault("status-503"))
    assert (await get(path)).status == 503
