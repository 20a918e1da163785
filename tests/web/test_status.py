"""`/-/status` has stable keys, RFC 3339 times and valid JSON for any numbers."""

from __future__ import annotations

import json
import re
from datetime import timedelta, timezone
from typing import Any

import aiohttp
import pytest

from exporter.status import CollectorStatus, Figure, PartFailure
from exporter.web.collector_state import state_of
from exporter.web.status_json import status_json
from tests.support import NOON
from tests.web.fakes import FakeDaemon
from tests.web.samples import collector, failing, incomplete, poll, retrying, spend, status, waiting


def document(*collectors: CollectorStatus, reload_mistakes: tuple[str, ...] = ()) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(status_json(status(*collectors, reload_mistakes=reload_mistakes)))
    return read


def test_status_document_has_every_key() -> None:
    """Programs may rely on its structure."""
    shown = failing(
        polls=(poll("failed", "503: no upstream"),), spend=spend(1.5), figures=(Figure("Credit left", -2.5),)
    )
    assert document(shown, reload_mistakes=("config.yaml:3:5: unknown key",)) == {
        "version": "1.2.3",
        "now": "2026-08-23T12:00:00.000Z",
        "started": "2026-08-21T09:00:00.000Z",
        "ready": True,
        "shard_index": 0,
        "shard_total": 1,
        "reload_mistakes": ["config.yaml:3:5: unknown key"],
        "collectors": [
            {
                "account": "default",
                "collector": "activity",
                "state": "failing",
                "interval_seconds": 900.0,
                "polling": False,
                "retry": None,
                "last_success": "2026-08-23T11:59:00.000Z",
                "next_poll": "2026-08-23T12:14:00.000Z",
                "expires": "2026-08-24T11:00:00.000Z",
                "expired": False,
                "series": 42,
                "day": "2026-08-22",
                "advice": None,
                "polls": [
                    {
                        "started": "2026-08-23T11:59:00.000Z",
                        "duration_seconds": 1.25,
                        "outcome": "failed",
                        "rows_rejected": 0,
                        "error": "503: no upstream",
                        "hint": None,
                        "status": None,
                        "status_class": "5xx",
                        "reason": None,
                    }
                ],
                "spend": [{"day": "2026-08-22", "usd": 1.5}],
                "figures": [{"name": "Credit left", "usd": -2.5}],
                "failures": [],
                "budgets": [],
                "tops": [],
                "queries": [],
                "retirements": [],
            }
        ],
        "catalogue": [],
    }


def test_status_document_has_the_retry_in_progress() -> None:
    assert document(retrying())["collectors"][0]["retry"] == {
        "attempt": 7,
        "operation": "activity",
        "error": "HTTP 429: slow down",
        "status": 429,
        "status_class": "429",
        "next_attempt": "2026-08-23T12:00:30.000Z",
    }


def test_unknown_values_are_null() -> None:
    """Every key is present."""
    shown = document(waiting())["collectors"][0]
    assert [shown[key] for key in ("last_success", "next_poll", "expires", "day")] == [None] * 4


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_cannot_express_are_null(amount: float) -> None:
    """The document is JSON for every parser, not only for Python's."""
    text = status_json(status(collector(spend=spend(amount)))).decode()
    assert json.loads(text)["collectors"][0]["spend"][0]["usd"] is None
    assert not re.search(r"NaN|Infinity", text)


def test_times_are_converted_to_utc() -> None:
    """A time in another zone is written with Z."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert document(collector(next_poll=elsewhere))["collectors"][0]["next_poll"] == "2026-08-23T12:00:00.000Z"


def test_lone_surrogate_is_replaced() -> None:
    """An error that holds one does not break the document."""
    assert "?" in document(failing(error="bad \udc80 text"))["collectors"][0]["polls"][-1]["error"]


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (waiting(), "waiting"),
        (collector(), "healthy"),
        (collector(series=0, spend=()), "healthy"),
        (collector(expires=None), "healthy"),
        (collector(expires=NOON), "stale"),
        (failing(), "failing"),
        (failing(expires=None), "failing"),
        (failing(expires=NOON), "stale"),
        (failing(expires=None, series=0), "stale"),
        (failing(expires=None, series=0, last_success=None), "failing"),
        (collector(expired=True), "stale"),
        (retrying(), "retrying"),
        (retrying(polls=()), "retrying"),
        (retrying(expired=True), "stale"),
        (retrying(polls=(poll("failed", "503"),)), "failing"),
        (incomplete(), "incomplete"),
        (collector(failures=(PartFailure("budget team-a", "HTTP 500"),)), "incomplete"),
    ],
)
def test_state_of_a_collector_is_the_worst_that_applies(shown: CollectorStatus, state: str) -> None:
    """The order is: expired values, a failed poll, a retry in progress, no poll yet, rejected rows."""
    assert state_of(shown, NOON) == state


async def test_status_is_served_for_few_and_for_many_accounts(
    client: aiohttp.ClientSession, daemon: FakeDaemon
) -> None:
    for number in (1, 30):
        daemon.collectors = tuple(collector(f"team-{index}") for index in range(number))
        async with client.get("/-/status") as response:
            assert response.headers["Content-Type"] == "application/json"
            assert len((await response.json())["collectors"]) == number
