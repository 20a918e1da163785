"""A recorded response, moved so that it ends yesterday."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from exporter.errors import ExporterError
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.replay import parse_recording, read_recording
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import MANAGEMENT, Start
from tests.support import FakeClock

RECORDED = Path(__file__).parents[2].parent / "shared/recorded/activity-2026-04-22.json"
SMALL = b"""{"data": [
  {"date": "2026-04-21 00:00:00", "model": "a/b", "usage": 1.5, "requests": 2, "extra": null},
  {"date": "2026-04-22", "model": "c/d", "usage": 2, "requests": 3},
  {"date": "2026-04-22T00:00:00Z", "model": "e/f", "usage": 0.25}
]}"""


async def get_json(simulator: Running, path: str = "/activity") -> Any:
    async with aiohttp.ClientSession(headers=MANAGEMENT) as session, session.get(simulator.url + path) as response:
        return await response.json()


@pytest.fixture
async def small(start: Start) -> Running:
    """Return a simulator of a recording of three rows."""
    return await start(SimulatorSettings(replay=parse_recording(SMALL)))


async def test_newest_recorded_day_becomes_yesterday(small: Running) -> None:
    """Dates keep their layout, and rows keep unknown fields."""
    assert (await get_json(small))["data"] == [
        {"date": "2026-10-13 00:00:00", "model": "a/b", "usage": 1.5, "requests": 2, "extra": None},
        {"date": "2026-10-14", "model": "c/d", "usage": 2, "requests": 3},
        {"date": "2026-10-14T00:00:00Z", "model": "e/f", "usage": 0.25},
    ]


async def test_recorded_dates_move_with_the_clock(small: Running, clock: FakeClock) -> None:
    before = (await get_json(small))["data"]
    clock.jump(datetime(2026, 11, 1, tzinfo=UTC))
    after = (await get_json(small))["data"]
    assert [row["date"][:10] for row in after] == ["2026-10-30", "2026-10-31", "2026-10-31"]
    assert [row["usage"] for row in after] == [row["usage"] for row in before]


async def test_date_parameter_selects_the_moved_day(small: Running) -> None:
    assert len((await get_json(small, "/activity?date=2026-10-14"))["data"]) == 2


async def test_recorded_account_has_window_credits_and_key(small: Running) -> None:
    assert (await get_json(small, "/activity?date=2026-10-15"))["error"]["code"] == 400
    assert (await get_json(small, "/credits"))["data"]["total_usage"] == 3.75
    assert (await get_json(small, "/key"))["data"]["is_management_key"]


async def test_row_faults_apply_to_a_recording(small: Running) -> None:
    for name in ("restated", "late-day", "string-numbers", "bad-row", "no-cached-tokens"):
        small.faults.replace(parse_fault(name))
        assert (await get_json(small))["data"]
    small.faults.replace(parse_fault("late-day"))
    assert [row["model"] for row in (await get_json(small))["data"]] == ["a/b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "not JSON: maximum recursion depth exceeded"),
        (b'{"data": "\xff"}', "not JSON: "),
        (b"<html>", "not JSON"),
        (b"[]", 'a list of rows under "data"'),
        (b'{"data": {}}', 'a list of rows under "data"'),
        (b'{"data": []}', 'a list of rows under "data"'),
        (b'{"data": [3]}', r"data\[0\]: expected an object with a date"),
        (b'{"data": [{"date": "2026-04-22"}, {"model": "a/b"}]}', r"data\[1\]: expected an object with a date"),
        (b'{"data": [{"date": "yesterday"}]}', "'yesterday'"),
    ],
)
def test_bad_recording_names_file_and_row(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recorded.json"
    path.write_bytes(content)
    with pytest.raises(ExporterError, match=rf"recorded\.json: .*{message}"):
        read_recording(path)


def test_missing_recording_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ExporterError, match=r"none\.json: No such file"):
        read_recording(tmp_path / "none.json")


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded response is not part of this checkout")
async def test_recorded_response_keeps_rows_days_and_sum(start: Start) -> None:
    simulator = await start(SimulatorSettings(replay=read_recording(RECORDED)))
    rows = (await get_json(simulator))["data"]
    assert len(rows) == 676
    assert len({row["date"] for row in rows}) == 31
    assert max(date.fromisoformat(row["date"][:10]) for row in rows) == date(2026, 10, 14)
    assert sum(Fraction(str(row["usage"])) for row in rows) == Fraction("431.943021")
