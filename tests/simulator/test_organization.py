"""`GET /keys`, `GET /workspaces` and `GET /organization/members`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import MANAGEMENT, Get, Start
from tests.support import FakeClock

ALL = {"include_disabled": "true", "include_expired": "true"}
PATHS = ("/keys", "/workspaces", "/organization/members", "/guardrails", "/workspaces/default/budgets")


async def every_key(get: Get, **parameters: str) -> list[dict[str, Any]]:
    """Return the first page of the keys of each workspace."""
    workspaces = (await get("/workspaces")).content["data"]
    pages = [
        (await get("/keys", workspace_id=workspace["id"], **parameters)).content["data"] for workspace in workspaces
    ]
    return [row for page in pages for row in page]


async def test_twelve_keys_in_three_workspaces(get: Get) -> None:
    keys = await every_key(get, **ALL)
    assert len({key["hash"] for key in keys}) == len(keys) == 12
    assert len({key["workspace_id"] for key in keys}) == 3


async def test_keys_default_to_the_default_workspace(get: Get) -> None:
    default = (await get("/workspaces")).content["data"][0]["id"]
    assert (await get("/keys")).content == (await get("/keys", workspace_id=default)).content
    assert {key["workspace_id"] for key in (await get("/keys")).content["data"]} == {default}


async def test_disabled_and_expired_keys_are_listed_on_request_only(get: Get, clock: FakeClock) -> None:
    shown, everything = await every_key(get), await every_key(get, **ALL)
    hidden = [key for key in everything if key not in shown]
    assert [key["disabled"] for key in hidden].count(True) == 1
    assert [key["expires_at"] < clock.now().isoformat() for key in hidden if key["expires_at"]] == [True]
    assert len(hidden) == 2


async def test_one_key_expires_within_two_weeks(get: Get, clock: FakeClock) -> None:
    expiring = [key for key in await every_key(get) if key["expires_at"]]
    assert len(expiring) == 1
    clock.jump(clock.now() + timedelta(days=14))
    assert expiring[0]["hash"] not in {key["hash"] for key in await every_key(get)}


async def test_key_names_are_not_unique_and_limits_may_be_null(get: Get) -> None:
    keys = await every_key(get, **ALL)
    assert len({key["name"] for key in keys}) < len(keys)
    assert {key["limit_reset"] for key in keys} == {None, "daily", "weekly", "monthly"}
    assert any(key["limit"] is None and key["limit_remaining"] is None for key in keys)


@pytest.mark.parametrize("hour", [0, 12, 23])
async def test_usage_of_all_keys_adds_up_to_the_credits_used(get: Get, clock: FakeClock, hour: int) -> None:
    """Rounding may differ by a millionth per key, day and sum."""
    clock.jump(clock.now().replace(hour=hour))
    used = (await get("/credits")).content["data"]["total_usage"]
    assert sum(key["usage"] for key in await every_key(get, **ALL)) == pytest.approx(used, abs=1e-3)


async def test_usage_periods_contain_each_other(get: Get) -> None:
    for key in await every_key(get, **ALL):
        for kind in ("usage", "byok_usage"):
            windows = [key[f"{kind}{suffix}"] for suffix in ("_daily", "_weekly", "_monthly", "")]
            assert windows == sorted(windows)


async def test_limit_remaining_counts_the_reset_period_only(get: Get) -> None:
    suffixes = {"daily": "_daily", "weekly": "_weekly", "monthly": "_monthly", None: ""}
    for key in await every_key(get):
        if key["limit"] is not None:
            spent = key[f"usage{suffixes[key['limit_reset']]}"]
            assert key["limit_remaining"] == pytest.approx(key["limit"] - spent, abs=1e-6)


async def test_daily_usage_is_zero_at_midnight(get: Get, clock: FakeClock) -> None:
    clock.jump(datetime(2026, 10, 16, tzinfo=UTC))
    assert {key["usage_daily"] for key in await every_key(get)} == {0}


async def test_ordinary_key_is_listed_with_the_numbers_of_get_key(get: Get) -> None:
    itself = (await get("/key", key="sk-or-v1-ordinary")).content["data"]
    fields = ("usage", "usage_daily", "usage_monthly", "byok_usage", "limit", "limit_reset", "workspace_id")
    reported = {name: itself[name] for name in fields}
    assert any(
        all(key[name] == pytest.approx(value, abs=1e-4) for name, value in reported.items() if isinstance(value, float))
        and key["workspace_id"] == reported["workspace_id"]
        for key in await every_key(get)
    )


async def test_keys_are_the_same_in_another_simulator(start: Start) -> None:
    bodies = []
    async with aiohttp.ClientSession(headers=MANAGEMENT) as session:
        for _ in range(2):
            simulator = await start()
            async with session.get(f"{simulator.url}/keys") as response:
                bodies.append(await response.read())
    assert bodies[0] == bodies[1]


async def test_keys_come_in_pages_of_100_newest_first(start: Start) -> None:
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


async def test_workspaces_and_members_have_total_count_and_pages(get: Get) -> None:
    for path in ("/workspaces", "/organization/members"):
        whole = (await get(path)).content
        assert whole["total_count"] == len(whole["data"]) == 3
        part = (await get(path, offset="1", limit="1")).content
        assert part == {"data": whole["data"][1:2], "total_count": 3}


@pytest.mark.parametrize("path", PATHS)
async def test_ordinary_key_is_403_and_missing_key_401(get: Get, path: str) -> None:
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
async def test_bad_parameter_is_rejected(get: Get, path: str, parameters: dict[str, str], status: int) -> None:
    response = await get(path, **parameters)
    assert (response.status, response.content["error"]["code"]) == (status, status)


@pytest.mark.parametrize("path", PATHS)
async def test_faults_apply_to_each_path(get: Get, simulator: Running, path: str) -> None:
    simulator.faults.replace(parse_fault("status-503"))
    assert (await get(path)).status == 503


async def test_budgets_of_a_workspace_by_id_or_slug(get: Get) -> None:
    """They have limits only, without spend. A budget without an interval is never reset."""
    workspaces = (await get("/workspaces")).content["data"]
    listed = {row["slug"]: (await get(f"/workspaces/{row['id']}/budgets")).content for row in workspaces}
    assert {
        "default": [(10_000.0, "monthly"), (750.0, "daily")],
        "research": [(2_500.0, "weekly"), (100_000.0, None)],
        "customers": [],
    } == {slug: [(row["limit_usd"], row["reset_interval"]) for row in body["data"]] for slug, body in listed.items()}
    assert listed["research"] == (await get("/workspaces/research/budgets")).content
    assert {False} == {body["include_byok_in_budgets"] for body in listed.values()}


async def test_budgets_of_an_unknown_workspace_are_404(get: Get) -> None:
    assert 404 == (await get("/workspaces/unknown/budgets")).status


async def test_guardrails_may_have_a_limit(get: Get) -> None:
    """They are those of the default workspace unless another is requested. The default guardrail has no limit."""
    default = (await get("/guardrails")).content
    assert [(None, None), (8_000.0, "monthly")] == [
        (row["limit_usd"], row["reset_interval"]) for row in default["data"]
    ]
    assert 2 == default["total_count"]
    workspaces = (await get("/workspaces")).content["data"]
    other = (await get("/guardrails", workspace_id=workspaces[1]["id"])).content
    assert [workspaces[1]["default_guardrail_id"]] == [row["id"] for row in other["data"]]
