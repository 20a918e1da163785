"""Polls of the simulated API with its faults: the class that is counted, and the data that stay."""

from __future__ import annotations

import pytest

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.config.configuration import Backoff, Retries
from exporter.polling.hints import MANAGEMENT_KEY
from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from tests.api.harness import Key
from tests.polling.harness import polling

RETRIES = Retries(backoff=Backoff(jitter=0.0))


def activity() -> ActivityCollector:
    """Return the activity collector with default settings."""
    return ActivityCollector("default", ActivitySettings())


@pytest.mark.parametrize(
    ("fault", "status_class", "attempts"),
    [
        ("status-400", "4xx", 1),
        ("status-401", "4xx", 1),
        ("status-403", "4xx", 1),
        ("status-404", "4xx", 1),
        ("status-429", "4xx", 11),
        ("status-500", "5xx", 11),
        ("html-524", "5xx", 11),
        ("redirect", "3xx", 1),
        ("reset", "connection", 11),
        ("close", "connection", 11),
        ("html-200", "invalid_response", 1),
        ("error-200", "invalid_response", 1),
        ("not-json", "invalid_response", 1),
        ("wrong-shape", "invalid_response", 1),
        ("no-data", "invalid_response", 1),
        ("top-list", "invalid_response", 1),
        ("truncated", "invalid_response", 1),
        ("truncated-chunked", "invalid_response", 1),
        ("wrong-encoding", "invalid_response", 1),
    ],
)
async def test_fault_keeps_the_data_and_counts_each_attempt(
    simulator: Running, fault: str, status_class: str, attempts: int
) -> None:
    """The next poll recovers."""
    async with polling(activity(), simulator.url, retries=RETRIES) as observed:
        await observed.poll()
        good = observed.published()
        simulator.faults.replace(parse_fault(fault))
        record = await observed.poll(after=900.0)
        assert record is not None
        assert ("failed", status_class, good) == (record.outcome, record.status_class, observed.published())
        assert ({status_class: attempts}, attempts - 1) == (
            observed.client.failures(),
            observed.client.count("retries"),
        )
        assert record.duration_seconds < 60.0
        simulator.faults.replace()
        record = await observed.poll(after=900.0)
        assert record is not None
        assert ("unchanged", 1.0) == (record.outcome, observed.value("collector_success"))


async def test_ordinary_key_fails_with_one_log_line(simulator: Running) -> None:
    """Polling continues."""
    key = Key("sk-or-v1-ordinary")
    async with polling(activity(), simulator.url, key=key) as observed:
        for _ in range(3):
            await observed.poll(after=900.0)
        logged = [event for event in observed.events if event["log_level"] == "error"]
        assert [("HTTP 403: Only management keys can perform this operation", MANAGEMENT_KEY)] == [
            (event["error"], event["hint"]) for event in logged
        ]
        assert (3, 0) == (simulator.counts["/api/v1/activity"], observed.published())


async def test_retry_after_beyond_the_deadline_fails_the_poll_at_once(simulator: Running) -> None:
    """Polls before that time are skipped."""
    simulator.faults.replace(Fault(FaultKind.STATUS, status=429, retry_after="2000"))
    async with polling(activity(), simulator.url, retries=RETRIES) as observed:
        record = await observed.poll()
        assert record is not None
        assert (0.0, 1) == (record.duration_seconds, simulator.counts["/api/v1/activity"])
        simulator.faults.replace()
        outcomes = [await observed.poll(after=900.0) for _ in range(3)]
        assert [False, False, True] == [outcome is not None for outcome in outcomes]
        assert 2.0 == observed.value("exporter_polls_skipped_total", reason="retry_after")


async def test_retry_after_within_the_deadline_is_obeyed_and_the_poll_succeeds(simulator: Running) -> None:
    simulator.faults.replace(Fault(FaultKind.STATUS, status=429, retry_after="20", times=1))
    async with polling(activity(), simulator.url, retries=RETRIES) as observed:
        record = await observed.poll()
        assert record is not None
        assert ("changed", 20.0) == (record.outcome, record.duration_seconds)


async def test_invalid_row_is_counted_by_each_poll_and_affects_no_other(simulator: Running) -> None:
    """The next response may be identical."""
    async with polling(activity(), simulator.url) as observed:
        simulator.faults.replace(parse_fault("bad-row"))
        outcomes = [record.outcome for record in [await observed.poll(), await observed.poll()] if record]
        assert (["changed", "unchanged"], True) == (outcomes, observed.published() > 0)
        assert 2.0 == observed.value("exporter_rows_rejected_total", reason="invalid_date")


async def test_accounts_use_their_own_keys(simulator: Running) -> None:
    """A rejected key of one account does not affect the other."""
    async with (
        polling(activity(), simulator.url, key=Key("sk-or-v1-wrong")) as wrong,
        polling(activity(), simulator.url) as right,
    ):
        await wrong.poll()
        await right.poll()
        assert (False, True) == (wrong.poller.state.succeeded, right.poller.state.succeeded)
