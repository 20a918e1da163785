"""`GET /activity`: window, parameters and shape."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest

from exporter.simulator.application import Running
from exporter.simulator.attribution import attributions_of
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get, Start
from tests.support import FakeClock

OUT_OF_WINDOW = {"error": {"message": "Date must be within the last 30 (completed) UTC days", "code": 400}}
ATTRIBUTIONS = attributions_of(1, "sk-or-v1-ordinary")


async def test_activity_has_the_30_completed_days_newest_first(get: Get) -> None:
    """The body has no field but `data`."""
    body = (await get("/activity")).content
    dates = list(dict.fromkeys(row["date"] for row in body["data"]))
    assert list(body) == ["data"]
    assert dates == [f"{date(2026, 10, 14) - timedelta(days=back)} 00:00:00" for back in range(30)]


async def test_window_moves_at_utc_midnight(get: Get, clock: FakeClock) -> None:
    clock.jump(datetime(2026, 10, 15, 23, 59, 59, tzinfo=UTC))
    before = (await get("/activity")).content["data"]
    clock.jump(datetime(2026, 10, 16, tzinfo=UTC))
    after = (await get("/activity")).content["data"]
    assert after[0]["date"] == "2026-10-15 00:00:00"
    kept = [row for row in before if row["date"] != "2026-09-15 00:00:00"]
    assert [row for row in after if row["date"] != "2026-10-15 00:00:00"] == kept


async def test_date_parameter_selects_one_day(get: Get) -> None:
    body = (await get("/activity", date="2026-10-10")).content
    assert body["data"] == [row for row in (await get("/activity")).content["data"] if "2026-10-10" in row["date"]]
    assert body["data"]


@pytest.mark.parametrize("day", ["2026-10-15", "2026-10-16", "2026-09-14", "2020-01-01"])
async def test_date_outside_window_is_400(get: Get, day: str) -> None:
    response = await get("/activity", date=day)
    assert response.status == 400
    assert response.content == OUT_OF_WINDOW


@pytest.mark.parametrize("day", ["2026-10-14", "2026-09-15"])
async def test_date_at_either_edge_of_window_is_accepted(get: Get, day: str) -> None:
    assert (await get("/activity", date=day)).status == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"date": "14.10.2026"},
        {"date": "2026-13-01"},
        {"date": ""},
        {"date": "2026-10-14T00:00:00Z"},
        {"group_by": "model"},
        {"api_key_hash": "short"},
        {"workspace_id": "default"},
    ],
)
async def test_malformed_parameter_is_400(get: Get, parameters: dict[str, str]) -> None:
    response = await get("/activity", **parameters)
    assert response.status == 400
    assert response.content == {"error": {"message": "Invalid request parameters", "code": 400}}


async def test_unknown_parameter_is_ignored(get: Get) -> None:
    assert (await get("/activity", limit="1")).status == 200


async def test_unknown_key_hash_returns_no_rows(get: Get) -> None:
    assert (await get("/activity", api_key_hash="0" * 64)).content == {"data": []}


@pytest.mark.parametrize(
    "parameters", [{"user_id": "user_unknown"}, {"workspace_id": "00000000-0000-0000-0000-000000000000"}]
)
async def test_unknown_member_or_workspace_is_404(get: Get, parameters: dict[str, str]) -> None:
    assert (await get("/activity", **parameters)).status == 404


async def test_rows_by_workspace_add_up_to_the_ungrouped_rows(get: Get) -> None:
    """Counts are exact, and amounts equal to the last of their six decimals."""
    plain = (await get("/activity")).content["data"]
    grouped = (await get("/activity", group_by="workspace")).content["data"]
    totals: dict[tuple[str, str], Counter[str]] = {}
    for row in grouped:
        total = totals.setdefault((row["date"], row["endpoint_id"]), Counter())
        total.update({name: round(value * 10**6) for name, value in row.items() if isinstance(value, int | float)})
    assert len({row["workspace_id"] for row in grouped}) == 3
    for row in plain:
        numbers = {name: round(value * 10**6) for name, value in row.items() if isinstance(value, int | float)}
        assert dict(totals[row["date"], row["endpoint_id"]]) == numbers


async def test_workspace_filter_returns_its_rows_without_workspace_id(get: Get) -> None:
    grouped = (await get("/activity", group_by="workspace")).content["data"]
    one = (await get("/activity", workspace_id=ATTRIBUTIONS[2].workspace_id)).content["data"]
    assert one == [
        {name: value for name, value in row.items() if name != "workspace_id"}
        for row in grouped
        if row["workspace_id"] == ATTRIBUTIONS[2].workspace_id
    ]


async def test_activity_is_compressed_only_if_gzip_is_accepted(simulator: Running) -> None:
    headers = {"Authorization": "Bearer sk-or-v1-demo"}
    async with aiohttp.ClientSession(auto_decompress=False, headers=headers) as session:
        async with session.get(f"{simulator.url}/activity", headers={"Accept-Encoding": "gzip"}) as packed:
            content = await packed.read()
        async with session.get(f"{simulator.url}/activity", headers={"Accept-Encoding": "gzip;q=0"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert await plain.read() == gzip.decompress(content)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Type"] == "application/json"


async def test_date_header_is_the_simulated_time(get: Get) -> None:
    assert (await get("/activity")).headers["Date"] == "Thu, 15 Oct 2026 12:00:00 GMT"


async def test_dense_account_has_every_endpoint_every_day(start: Start) -> None:
    simulator = await start(SimulatorSettings(endpoints=250))
    headers = {"Authorization": "Bearer sk-or-v1-demo"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{simulator.url}/activity") as response,
    ):
        assert len((await response.json())["data"]) == 7500


async def test_rows_equal_generated_usage(get: Get) -> None:
    rows = SimulatedAccount(1).rows_of_day(date(2026, 10, 14))
    body = (await get("/activity", date="2026-10-14")).content["data"]
    assert [(row["endpoint_id"], row["usage"]) for row in body] == [(row.endpoint_id, row.usage) for row in rows]
