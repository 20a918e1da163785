"""How retries and the next poll are shown."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from exporter.clock import SystemClock
from exporter.config.configuration import Backoff, Retries
from exporter.errors import StatusError
from exporter.polling.scheduler import Scheduler, next_time, phase
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.status import Retry
from tests.polling.harness import collected, polling
from tests.polling.test_polling_the_api import activity
from tests.support import FakeClock

RETRIES = Retries(backoff=Backoff(initial_interval=1.0, exponent=2.0, jitter=0.0, max_elapsed_time=60.0))


async def test_waiting_retry_is_in_the_status_and_a_metric(simulator: Running) -> None:
    """They have its number, the last error and when it is due, until the request succeeds."""
    clock = FakeClock()
    simulator.faults.replace(parse_fault("status-429"))
    async with polling(activity(), simulator.url, retries=RETRIES, clock=clock) as observed:
        assert (None, 0.0) == (observed.poller.status(None).retry, observed.value("collector_failed_attempts"))
        poll = asyncio.create_task(observed.poller.poll())
        await clock.sleeping(1)
        clock.advance(clock.slept[0])
        await clock.sleeping(2)
        expected = Retry(
            attempt=3,
            operation="activity",
            error="HTTP 429: Rate limit exceeded",
            status=429,
            status_class="4xx",
            next_attempt=clock.now() + timedelta(seconds=clock.slept[1]),
        )
        assert (expected, 2.0) == (observed.poller.status(None).retry, observed.value("collector_failed_attempts"))
        simulator.faults.replace()
        clock.advance(clock.slept[1])
        await poll
        assert (None, 0.0) == (observed.poller.status(None).retry, observed.value("collector_failed_attempts"))


async def test_only_the_first_attempt_of_a_cause_is_a_warning(simulator: Running) -> None:
    """An outage logs three lines per collector: the first failed attempt, the failed poll and the recovery."""
    simulator.faults.replace(parse_fault("status-503"))
    async with polling(activity(), simulator.url, retries=RETRIES) as observed:
        await observed.poll()
        await observed.poll(after=900.0)
        simulator.faults.replace()
        await observed.poll(after=900.0)
        logged = [
            (event["log_level"], event["event"]) for event in observed.client.events if event["log_level"] != "debug"
        ]
        assert [("warning", "request_failed")] == logged
        assert [("error", "poll_failed"), ("info", "poll_recovered")] == observed.lines()


async def test_rejected_rows_are_in_the_record_of_their_poll(simulator: Running) -> None:
    """The page shows by the last poll whether totals lack rows."""
    simulator.faults.replace(parse_fault("bad-row"))
    async with polling(activity(), simulator.url) as observed:
        await observed.poll()
        simulator.faults.replace()
        await observed.poll()
        assert [1, 0] == [record.rows_rejected for record in observed.poller.status(None).polls]


async def test_expired_values_are_shown_as_expired() -> None:
    async with polling([collected()]) as observed:
        await observed.poll()
        observed.clock.advance(3599.0)
        before = observed.poller.status(None).expired
        observed.clock.advance(1.0)
        assert (False, True) == (before, observed.poller.status(None).expired)


async def test_next_poll_is_not_before_retry_after() -> None:
    refused = StatusError(429, "HTTP 429: Slow down", 3600.0)
    refused.not_before = 1000.0 + 3600.0
    scheduler = Scheduler(SystemClock())
    scheduler.start()
    async with polling([refused]) as observed:
        await observed.poll()
        not_before = observed.poller.not_before
        assert observed.clock.now() + timedelta(seconds=3600.0) == not_before
        scheduler.add("job", asyncio.Event().wait, 60.0, 0, lambda: None)
        later = scheduler.next_run("job")
        assert later is not None
        later += timedelta(seconds=3600)
        assert next_time(later, 60.0, phase("job", 60.0)) == scheduler.next_run("job", later)
    scheduler.stop()
    await asyncio.sleep(0)
