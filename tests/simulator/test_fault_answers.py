"""Faults that a client sees in a complete answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from tests.simulator.helpers import Get, Got

Struck = Callable[..., Awaitable[Got]]


@pytest.fixture
def struck(simulator: Running, get: Get) -> Struck:
    """Ask for /activity while faults are in force."""

    async def struck(*names: str, key: str = "sk-or-v1-demo") -> Got:
        simulator.faults.replace(*(parse_fault(name) for name in names))
        return await get("/activity", key=key)

    return struck


def dates(rows: list[dict[str, Any]]) -> set[str]:
    return {row["date"] for row in rows}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid request parameters"),
        (408, "Operation timed out. Please try again later."),
        (429, "Rate limit exceeded"),
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (599, "Unknown error"),
    ],
)
async def test_any_status(struck: Struck, status: int, message: str) -> None:
    """With the API's error body."""
    response = await struck(f"status-{status}")
    assert response.status == status
    assert response.content == {"error": {"message": message, "code": status}}
    assert "Retry-After" not in response.headers


async def test_a_status_may_carry_retry_after(simulator: Running, get: Get) -> None:
    """Its text as it was asked for, sense or nonsense."""
    simulator.faults.replace(Fault(FaultKind.STATUS, status=503, retry_after="Thu, 15 Oct 2026 12:01:00 GMT"))
    assert (await get("/activity")).headers["Retry-After"] == "Thu, 15 Oct 2026 12:01:00 GMT"


async def test_a_platform_limit_names_its_limits(struck: Struck) -> None:
    """Headers that come with 429 and with nothing else."""
    assert (await struck("status-429")).headers["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Remaining" not in (await struck("status-500")).headers


async def test_a_fault_strikes_before_the_key_is_looked_at(struck: Struck) -> None:
    """A proxy in front of the API knows no keys."""
    assert (await struck("status-503", key="sk-or-v1-wrong")).status == 503


@pytest.mark.parametrize("status", [200, 403, 502, 524])
async def test_a_page_instead_of_json(struck: Struck, status: int) -> None:
    """With any status."""
    response = await struck(f"html-{status}")
    assert response.status == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.raw.startswith(b"<!DOCTYPE html>")


async def test_an_error_that_calls_itself_success(struck: Struck) -> None:
    """The error body of a 500, with 200."""
    response = await struck("error-200")
    assert (response.status, response.content["error"]["code"]) == (200, 500)


async def test_text_that_calls_itself_json(struck: Struck) -> None:
    """It doesn't parse."""
    response = await struck("not-json")
    assert response.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting value"):
        assert response.content


async def test_wrong_shapes(struck: Struck) -> None:
    """An object for the list, nothing at all, a list at the top."""
    assert (await struck("wrong-shape")).content == {"data": {}}
    assert (await struck("no-data")).content == {"rows": []}
    whole = (await struck()).content["data"]
    assert (await struck("top-list")).content == whole


async def test_a_redirect_points_elsewhere(struck: Struck, get: Get, simulator: Running) -> None:
    """To a path that counts its requests, so that a test sees whether a key travelled."""
    response = await struck("redirect")
    assert (response.status, response.headers["Location"]) == (302, "/api/v1/moved")
    simulator.faults.replace()
    assert (await get("/moved")).status == 404
    assert simulator.counts["/api/v1/moved"] == 1


async def test_one_bad_row(struck: Struck) -> None:
    """All others are as they were."""
    good = (await struck()).content["data"]
    rows = (await struck("bad-row")).content["data"]
    garbage = [row for row in rows if row not in good]
    assert len(garbage) == 1
    assert [row for row in rows if row in good] == good


async def test_a_restated_day(struck: Struck) -> None:
    """One older day's numbers differ, its rows are the same ones."""
    before = (await struck()).content["data"]
    after = (await struck("restated")).content["data"]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert dates([new for _, new in changed]) == {"2026-10-12 00:00:00"}
    assert all(new["usage"] > old["usage"] and new["requests"] == old["requests"] + 1 for old, new in changed)


async def test_a_late_day(struck: Struck) -> None:
    """Yesterday has no rows, the 29 days before have theirs."""
    before = (await struck()).content["data"]
    after = (await struck("late-day")).content["data"]
    assert after == [row for row in before if row["date"] != "2026-10-14 00:00:00"]


async def test_no_rows(struck: Struck) -> None:
    """An account that used nothing, or a key of the wrong scope."""
    assert (await struck("empty")).content == {"data": []}


async def test_rows_without_cached_tokens(struck: Struck) -> None:
    """As before that field existed."""
    rows = (await struck("no-cached-tokens")).content["data"]
    assert not any("cached_tokens" in row for row in rows)


async def test_numbers_as_strings(struck: Struck) -> None:
    """Every number of every row."""
    before = (await struck()).content["data"][0]
    after = (await struck("string-numbers")).content["data"][0]
    assert after == {name: str(value) for name, value in before.items()}


@pytest.mark.parametrize(
    ("name", "expected"), [("rfc3339-dates", "2026-10-14T00:00:00Z"), ("plain-dates", "2026-10-14")]
)
async def test_dates_in_other_layouts(struck: Struck, name: str, expected: str) -> None:
    """The specification's, and the standard's."""
    assert (await struck(name)).content["data"][0]["date"] == expected


async def test_indented_json(struck: Struck) -> None:
    """The same content over many lines."""
    before, after = await struck(), await struck("pretty")
    assert after.content == before.content
    assert len(after.raw.splitlines()) > 10 * len(before.content["data"])


async def test_an_encoding_that_is_not_true(struck: Struck) -> None:
    """The body is plain whatever its header says."""
    before, after = await struck(), await struck("wrong-encoding")
    assert (after.headers["Content-Encoding"], after.raw) == ("br", before.raw)


async def test_faults_of_several_kinds_combine(struck: Struck) -> None:
    """A day may be late in an answer that is indented."""
    response = await struck("late-day", "string-numbers", "restated", "pretty")
    rows = response.content["data"]
    assert "2026-10-14 00:00:00" not in dates(rows)
    assert isinstance(rows[0]["requests"], str)


async def test_row_faults_leave_other_paths_alone(simulator: Running, get: Get) -> None:
    """`/credits` has no rows."""
    before = await get("/credits")
    simulator.faults.replace(parse_fault("empty"), parse_fault("string-numbers"))
    assert (await get("/credits")).raw == before.raw
