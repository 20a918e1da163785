"""`GET /activity`: the window, the parameters, the shape."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest

from exporter.simulator.application import Running
from exporter.simulator.attribution import slices_of
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.simulator.helpers import Get, Start, StoppedClock

OUT_OF_WINDOW = {"error": {"message": "Date must be within the last 30 (completed) UTC days", "code": 400}}
SLICES = slices_of(1, "sk-or-v1-ordinary")


async def test_answers_the_thirty_completed_days(get: Get) -> None:
    """Yesterday and the 29 days before it; not today; the newest first; nothing beside `data`."""
    answer = (await get("/activity")).content
    dates = list(dict.fromkeys(row["date"] for row in answer["data"]))
    assert list(answer) == ["data"]
    assert dates == [f"{date(2026, 10, 14) - timedelta(days=back)} 00:00:00" for back in range(30)]


async def test_the_window_moves_with_the_clock(get: Get, clock: StoppedClock) -> None:
    """At midnight in UTC a day enters, a day leaves, and the others stay as they were."""
    clock.now_value = datetime(2026, 10, 15, 23, 59, 59, tzinfo=UTC)
    before = (await get("/activity")).content["data"]
    clock.now_value = datetime(2026, 10, 16, tzinfo=UTC)
    after = (await get("/activity")).content["data"]
    assert after[0]["date"] == "2026-10-15 00:00:00"
    kept = [row for row in before if row["date"] != "2026-09-15 00:00:00"]
    assert [row for row in after if row["date"] != "2026-10-15 00:00:00"] == kept


async def test_one_day_of_the_window(get: Get) -> None:
    """`date` brings that day's rows and no other."""
    answer = (await get("/activity", date="2026-10-10")).content
    assert answer["data"] == [row for row in (await get("/activity")).content["data"] if "2026-10-10" in row["date"]]
    assert answer["data"]


@pytest.mark.parametrize("day", ["2026-10-15", "2026-10-16", "2026-09-14", "2020-01-01"])
async def test_a_day_outside_the_window_is_refused(get: Get, day: str) -> None:
    """Today, the future and what is older than the window, in the API's own words."""
    response = await get("/activity", date=day)
    assert response.status == 400
    assert response.content == OUT_OF_WINDOW


@pytest.mark.parametrize("day", ["2026-10-14", "2026-09-15"])
async def test_both_edges_of_the_window_are_inside(get: Get, day: str) -> None:
    """Yesterday and the thirtieth day back."""
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
async def test_malformed_parameters_are_refused(get: Get, parameters: dict[str, str]) -> None:
    """What doesn't parse is a 400."""
    response = await get("/activity", **parameters)
    assert response.status == 400
    assert response.content == {"error": {"message": "Invalid request parameters", "code": 400}}


async def test_a_parameter_that_the_api_does_not_have_is_ignored(get: Get) -> None:
    """As by the real service."""
    assert (await get("/activity", limit="1")).status == 200


async def test_a_key_that_was_never_used_has_no_rows(get: Get) -> None:
    """An unknown hash is empty, not an error."""
    assert (await get("/activity", api_key_hash="0" * 64)).content == {"data": []}


@pytest.mark.parametrize(
    "parameters", [{"user_id": "user_unknown"}, {"workspace_id": "00000000-0000-0000-0000-000000000000"}]
)
async def test_what_is_not_the_accounts_is_not_found(get: Get, parameters: dict[str, str]) -> None:
    """A member or a workspace of nobody is a 404."""
    assert (await get("/activity", **parameters)).status == 404


async def test_workspaces_add_up_to_the_whole(get: Get) -> None:
    """Rows per workspace carry its id, and their numbers sum exactly to the rows without it."""
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


async def test_one_workspace(get: Get) -> None:
    """The filter brings that workspace's share, in the shape without workspace_id."""
    grouped = (await get("/activity", group_by="workspace")).content["data"]
    one = (await get("/activity", workspace_id=SLICES[2].workspace_id)).content["data"]
    assert one == [
        {name: value for name, value in row.items() if name != "workspace_id"}
        for row in grouped
        if row["workspace_id"] == SLICES[2].workspace_id
    ]


async def test_gzip_for_those_who_take_it(simulator: Running) -> None:
    """The same bytes, compressed."""
    headers = {"Authorization": "Bearer sk-or-v1-demo"}
    async with aiohttp.ClientSession(auto_decompress=False, headers=headers) as session:
        async with session.get(f"{simulator.url}/activity", headers={"Accept-Encoding": "gzip"}) as packed:
            content = await packed.read()
        async with session.get(f"{simulator.url}/activity", headers={"Accept-Encoding": "gzip;q=0"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert await plain.read() == gzip.decompress(content)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Type"] == "application/json"


async def test_the_date_header_is_the_simulators_own(get: Get) -> None:
    """A client may compare clocks."""
    assert (await get("/activity")).headers["Date"] == "Thu, 15 Oct 2026 12:00:00 GMT"


async def test_a_dense_account_has_exact_numbers(start: Start) -> None:
    """250 endpoints times 30 days."""
    simulator = await start(SimulatorSettings(endpoints=250))
    headers = {"Authorization": "Bearer sk-or-v1-demo"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{simulator.url}/activity") as response,
    ):
        assert len((await response.json())["data"]) == 7500


async def test_a_day_is_what_the_data_module_says(get: Get) -> None:
    """The server adds nothing."""
    rows = SimulatedAccount(1).rows_of_day(date(2026, 10, 14))
    answer = (await get("/activity", date="2026-10-14")).content["data"]
    assert [(row["endpoint_id"], row["usage"]) for row in answer] == [(row.endpoint_id, row.usage) for row in rows]
