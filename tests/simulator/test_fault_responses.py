"""Faults of a complete response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from tests.simulator.helpers import Fetched, Get

Faulty = Callable[..., Awaitable[Fetched]]


@pytest.fixture
def faulty(simulator: Running, get: Get) -> Faulty:
    """Return a function that sends a GET to /activity with these faults."""

    async def faulty(*names: str, key: str = "sk-or-v1-demo") -> Fetched:
        simulator.faults.replace(*(parse_fault(name) for name in names))
        return await get("/activity", key=key)

    return faulty


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
async def test_status_fault_has_the_apis_error_body(faulty: Faulty, status: int, message: str) -> None:
    response = await faulty(f"status-{status}")
    assert response.status == status
    assert response.content == {"error": {"message": message, "code": status}}
    assert "Retry-After" not in response.headers


async def test_status_fault_may_carry_retry_after(simulator: Running, get: Get) -> None:
    simulator.faults.replace(Fault(FaultKind.STATUS, status=503, retry_after="Thu, 15 Oct 2026 12:01:00 GMT"))
    assert (await get("/activity")).headers["Retry-After"] == "Thu, 15 Oct 2026 12:01:00 GMT"


async def test_rate_limit_headers_come_with_429_only(faulty: Faulty) -> None:
    assert (await faulty("status-429")).headers["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Remaining" not in (await faulty("status-500")).headers


async def test_fault_applies_before_authentication(faulty: Faulty) -> None:
    assert (await faulty("status-503", key="sk-or-v1-wrong")).status == 503


@pytest.mark.parametrize("status", [200, 403, 502, 524])
async def test_html_fault_has_any_status(faulty: Faulty, status: int) -> None:
    response = await faulty(f"html-{status}")
    assert response.status == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.raw.startswith(b"<!DOCTYPE html>")


async def test_error_fault_sends_an_error_body_with_200(faulty: Faulty) -> None:
    response = await faulty("error-200")
    assert (response.status, response.content["error"]["code"]) == (200, 500)


async def test_not_json_fault_has_the_content_type_of_json(faulty: Faulty) -> None:
    response = await faulty("not-json")
    assert response.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting value"):
        assert response.content


async def test_wrong_shape_no_data_and_top_list_faults(faulty: Faulty) -> None:
    assert (await faulty("wrong-shape")).content == {"data": {}}
    assert (await faulty("no-data")).content == {"rows": []}
    whole = (await faulty()).content["data"]
    assert (await faulty("top-list")).content == whole


async def test_redirect_fault_points_to_a_path_that_counts_requests(
    faulty: Faulty, get: Get, simulator: Running
) -> None:
    response = await faulty("redirect")
    assert (response.status, response.headers["Location"]) == (302, "/api/v1/moved")
    simulator.faults.replace()
    assert (await get("/moved")).status == 404
    assert simulator.counts["/api/v1/moved"] == 1


async def test_bad_row_fault_adds_one_row(faulty: Faulty) -> None:
    good = (await faulty()).content["data"]
    rows = (await faulty("bad-row")).content["data"]
    garbage = [row for row in rows if row not in good]
    assert len(garbage) == 1
    assert [row for row in rows if row in good] == good


async def test_restated_fault_changes_one_older_day(faulty: Faulty) -> None:
    before = (await faulty()).content["data"]
    after = (await faulty("restated")).content["data"]
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert dates([new for _, new in changed]) == {"2026-10-12 00:00:00"}
    assert all(new["usage"] > old["usage"] and new["requests"] == old["requests"] + 1 for old, new in changed)


async def test_late_day_fault_removes_yesterday(faulty: Faulty) -> None:
    before = (await faulty()).content["data"]
    after = (await faulty("late-day")).content["data"]
    assert after == [row for row in before if row["date"] != "2026-10-14 00:00:00"]


async def test_empty_fault_returns_no_rows(faulty: Faulty) -> None:
    assert (await faulty("empty")).content == {"data": []}


async def test_no_cached_tokens_fault_removes_the_field(faulty: Faulty) -> None:
    rows = (await faulty("no-cached-tokens")).content["data"]
    assert not any("cached_tokens" in row for row in rows)


async def test_string_numbers_fault_changes_every_number(faulty: Faulty) -> None:
    before = (await faulty()).content["data"][0]
    after = (await faulty("string-numbers")).content["data"][0]
    assert after == {name: str(value) for name, value in before.items()}


@pytest.mark.parametrize(
    ("name", "expected"), [("rfc3339-dates", "2026-10-14T00:00:00Z"), ("plain-dates", "2026-10-14")]
)
async def test_date_layout_faults(faulty: Faulty, name: str, expected: str) -> None:
    assert (await faulty(name)).content["data"][0]["date"] == expected


async def test_pretty_fault_keeps_the_content(faulty: Faulty) -> None:
    before, after = await faulty(), await faulty("pretty")
    assert after.content == before.content
    assert len(after.raw.splitlines()) > 10 * len(before.content["data"])


async def test_wrong_encoding_fault_leaves_the_body_plain(faulty: Faulty) -> None:
    before, after = await faulty(), await faulty("wrong-encoding")
    assert (after.headers["Content-Encoding"], after.raw) == ("br", before.raw)


async def test_row_and_body_faults_combine(faulty: Faulty) -> None:
    response = await faulty("late-day", "string-numbers", "restated", "pretty")
    rows = response.content["data"]
    assert "2026-10-14 00:00:00" not in dates(rows)
    assert isinstance(rows[0]["requests"], str)


async def test_row_faults_do_not_affect_other_paths(simulator: Running, get: Get) -> None:
    before = await get("/credits")
    simulator.faults.replace(parse_fault("empty"), parse_fault("string-numbers"))
    assert (await get("/credits")).raw == before.raw


async def test_row_fault_of_the_analytics_api_does_not_affect_activity(faulty: Faulty) -> None:
    """A fault for all paths is active while the exporter polls both."""
    response = await faulty("truncated-rows")
    assert (200, (await faulty()).content["data"]) == (response.status, response.content["data"])
