"""The scheduler with the real APScheduler behind it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from exporter.clock import SystemClock
from exporter.polling.scheduler import WATCH_INTERVAL, Scheduler, first_delay, next_time, phase
from tests.support import FakeClock

YEAR = timedelta(days=365)


def now() -> datetime:
    """Return the time that APScheduler uses."""
    return datetime.now(UTC)


@pytest.fixture
async def scheduler() -> AsyncIterator[Scheduler]:
    """Return a running scheduler on the machine's clock."""
    running = Scheduler(SystemClock())
    running.start()
    yield running
    running.stop()
    await asyncio.sleep(0)


def nothing() -> None:
    """Count a skipped run."""


async def test_first_call_is_immediate_and_the_next_at_the_jobs_offset(scheduler: Scheduler) -> None:
    called = asyncio.Event()

    async def call() -> None:
        called.set()

    scheduler.add("a/activity", call, 900.0, 0, nothing)
    await asyncio.wait_for(called.wait(), 5)
    following = scheduler.next_run("a/activity")
    assert following is not None
    assert next_time(following - timedelta(seconds=1), 900.0, phase("a/activity", 900.0)) == following
    assert timedelta(seconds=449) < following - now() < timedelta(seconds=1351)


async def test_first_call_comes_after_its_delay(scheduler: Scheduler) -> None:
    for delay in (0.0, 0.1, 10.0):
        scheduler.add(f"{delay}", asyncio.Event().wait, 10.0, delay, nothing)
    first = [scheduler.next_run(f"{delay}") for delay in (0.0, 0.1, 10.0)]
    assert [0.0, 0.1, 10.0] == [round((time - first[0]).total_seconds(), 1) for time in first if time and first[0]]


def test_first_polls_of_few_accounts_are_a_short_step_apart() -> None:
    """The interval does not matter."""
    assert [0.0, 0.05, 0.1] == [first_delay(order, 3, interval) for order, interval in enumerate((900.0, 60.0, 300.0))]


def test_first_polls_of_a_thousand_accounts_are_spread_over_the_interval() -> None:
    """No second has more of them than later ones."""
    intervals = [900.0, 60.0, 300.0, 300.0, 300.0, 300.0, 300.0, 300.0] * 1000
    delays = [(interval, first_delay(order, 8000, interval)) for order, interval in enumerate(intervals)]
    for interval, pollers in (60.0, 1000), (300.0, 6000), (900.0, 1000):
        seconds = Counter(int(delay) for other, delay in delays if other == interval)
        assert max(seconds.values()) <= max(pollers / interval, 2.5) + 1
        assert max(delay for other, delay in delays if other == interval) < interval


async def test_job_never_runs_twice_at_once(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    """Polls that are due meanwhile are counted as skipped."""
    calls, skipped, may_end = [], asyncio.Event(), asyncio.Event()

    async def call() -> None:
        calls.append(now())
        await may_end.wait()

    with caplog.at_level(logging.CRITICAL, "apscheduler"):
        scheduler.add("slow", call, 0.02, 0, skipped.set)
        await asyncio.wait_for(skipped.wait(), 5)
    scheduler.remove("slow")
    may_end.set()
    assert 1 == len(calls)


async def test_pause_starts_no_more_calls_and_lets_the_others_end(scheduler: Scheduler) -> None:
    calls, began, may_end, ended = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call() -> None:
        calls.append(now())
        began.set()
        await may_end.wait()
        ended.set()

    scheduler.add("job", call, 0.02, 0, nothing)
    await asyncio.wait_for(began.wait(), 5)
    scheduler.pause()
    may_end.set()
    await asyncio.wait_for(ended.wait(), 5)
    later = scheduler.next_run("job")
    assert later is not None
    while now() < later + timedelta(seconds=0.06):
        await asyncio.sleep(0)
    assert 1 == len(calls)


async def test_removed_job_finishes_its_call(scheduler: Scheduler) -> None:
    """Removing an unknown job is not an error."""
    began, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call() -> None:
        began.set()
        await may_end.wait()
        ended.set()

    scheduler.add("job", call, 900.0, 0, nothing)
    await asyncio.wait_for(began.wait(), 5)
    scheduler.remove("job")
    scheduler.remove("job", "another")
    may_end.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert None is scheduler.next_run("job")


async def test_name_can_be_reused_after_removal(scheduler: Scheduler) -> None:
    """A reload reuses the name of a changed account."""
    called = asyncio.Event()

    async def call() -> None:
        called.set()

    scheduler.add("job", asyncio.Event().wait, 900.0, 0, nothing)
    scheduler.remove("job")
    scheduler.add("job", call, 900.0, 0, nothing)
    await asyncio.wait_for(called.wait(), 5)


async def test_failing_job_runs_again(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    """A poll should never raise."""
    calls, twice = [], asyncio.Event()

    async def call() -> None:
        calls.append(now())
        if len(calls) == 2:
            twice.set()
        raise ValueError("bug")

    with caplog.at_level(logging.CRITICAL, "apscheduler"):
        scheduler.add("job", call, 0.02, 0, nothing)
        await asyncio.wait_for(twice.wait(), 5)
        scheduler.remove("job")


async def test_processes_run_jobs_of_the_same_name_at_different_times() -> None:
    """Each shard polls the catalogue, and they must not all do it at once."""
    clock = FakeClock(now() + timedelta(days=1))
    schedulers = [Scheduler(clock, seed) for seed in ("", "/1", "/2")]
    for scheduler in schedulers:
        scheduler.start()
        scheduler.add("catalogue", asyncio.Event().wait, 900.0, 0, nothing)
        scheduler.run_within("catalogue", 0)
    not_before = clock.now() + timedelta(seconds=1)
    following = {scheduler.next_run("catalogue", not_before) for scheduler in schedulers}
    assert len(schedulers) == len(following)
    for scheduler in schedulers:
        scheduler.stop()
    await asyncio.sleep(0)


@pytest.mark.parametrize("jump", [YEAR, -YEAR, timedelta(seconds=6), timedelta(seconds=-6)])
async def test_jump_of_the_wall_clock_reschedules_jobs(jump: timedelta) -> None:
    """The next run must not be a year away, nor due many times."""
    clock = FakeClock(now() + timedelta(days=1))
    scheduler = Scheduler(clock)
    scheduler.start()
    scheduler.add("job", asyncio.Event().wait, 900.0, 0, nothing)
    await watched(clock, 1)
    clock.jump(clock.now() + jump)
    clock.advance(WATCH_INTERVAL)
    await watched(clock, 2)
    assert next_time(clock.now(), 900.0, phase("job", 900.0)) == scheduler.next_run("job")
    scheduler.stop()
    await asyncio.sleep(0)


@pytest.mark.parametrize("drift", [timedelta(0), timedelta(seconds=4), timedelta(seconds=-4)])
async def test_small_clock_adjustment_reschedules_nothing(drift: timedelta) -> None:
    """Time servers adjust clocks all day."""
    clock = FakeClock(now() + timedelta(days=1))
    scheduler = Scheduler(clock)
    scheduler.start()
    scheduler.add("job", asyncio.Event().wait, 900.0, 0, nothing)
    planned = scheduler.next_run("job")
    await watched(clock, 1)
    clock.jump(clock.now() + drift)
    clock.advance(WATCH_INTERVAL)
    await watched(clock, 2)
    assert planned == scheduler.next_run("job")
    scheduler.stop()
    await asyncio.sleep(0)


async def watched(clock: FakeClock, times: int) -> None:
    """Wait until the clock was read this many times."""
    while len(clock.slept) < times:
        await asyncio.sleep(0)


async def test_stop_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    scheduler = Scheduler(SystemClock())
    scheduler.start()
    scheduler.add("job", asyncio.Event().wait, 900.0, 10, nothing)
    scheduler.stop()
    for _ in range(3):
        await asyncio.sleep(0)
    assert before == asyncio.all_tasks()


async def test_no_job_runs_after_the_stop() -> None:
    runs = []

    async def run() -> None:
        runs.append(now())

    scheduler = Scheduler(SystemClock())
    scheduler.start()
    scheduler.add("job", run, 0.02, 0, nothing)
    while not runs:
        await asyncio.sleep(0)
    scheduler.stop()
    await asyncio.sleep(0)
    before, later = len(runs), now() + timedelta(seconds=0.06)
    while now() < later:
        await asyncio.sleep(0)
    assert (before, None) == (len(runs), scheduler.next_run("job"))


async def test_stop_cancels_calls_in_progress() -> None:
    """Callers that need their results wait for them first."""
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    scheduler = Scheduler(SystemClock())
    scheduler.start()
    scheduler.add("job", run, 900.0, 0, nothing)
    await asyncio.wait_for(began.wait(), 5)
    scheduler.stop()
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_run_within_brings_a_later_run_forward(scheduler: Scheduler) -> None:
    """Several calls before it result in one run, and an earlier run stays."""
    scheduler.add("catalogue", asyncio.Event().wait, 3600.0, 400, nothing)  # its first run is 20 s away
    scheduler.run_within("catalogue", 5.0)
    first = scheduler.next_run("catalogue")
    assert first is not None
    assert timedelta(seconds=4) < first - now() <= timedelta(seconds=5)
    scheduler.run_within("catalogue", 9.0)
    assert first == scheduler.next_run("catalogue")
    scheduler.run_within("removed", 5.0)
