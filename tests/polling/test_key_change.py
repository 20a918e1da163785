"""A changed key polls its account at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from exporter.clock import SystemClock
from exporter.collectors.calling_key import CallingKeySettings
from exporter.polling.account import AccountRuntime
from exporter.polling.scheduler import Scheduler
from exporter.simulator.application import Running
from tests.api.harness import KEY, Key
from tests.polling.test_account_runtime import ACTIVITY, account, sharing

WRONG = "sk-or-v1-wrong"


async def test_key_replaced_after_a_rejection_polls_the_other_collectors(simulator: Running) -> None:
    """One poll reads the new key, and the others must not wait for their next tick."""
    due: list[str] = []
    async with sharing(simulator.url, poll_now=due.append) as context:
        key = Key(WRONG)
        runtime = AccountRuntime(account(key, ACTIVITY, CallingKeySettings()), context)
        await runtime.poll_all()
        key.text = KEY
        await runtime.poll(runtime.pollers[0])
        assert (["default/key"], True) == (due, runtime.pollers[0].state.succeeded)


async def test_reload_with_a_new_key_polls_all_collectors(simulator: Running) -> None:
    """Retry-After was for the old key. An unchanged key changes nothing."""
    due: list[str] = []
    async with sharing(simulator.url, poll_now=due.append) as context:
        key = Key(WRONG)
        runtime = AccountRuntime(account(key, ACTIVITY, CallingKeySettings()), context)
        await runtime.poll_all()
        runtime.reread_key()
        unchanged = list(due)
        runtime.pollers[0].state.not_before = float("inf")
        key.text = KEY
        runtime.reread_key()
        assert ([], ["default/activity", "default/key"]) == (unchanged, due)
        await runtime.poll_all()
        assert [True, True] == [poller.state.succeeded for poller in runtime.pollers]


async def test_key_that_becomes_readable_polls_all_collectors(simulator: Running) -> None:
    """An example is a Secret that is mounted late."""
    due: list[str] = []
    async with sharing(simulator.url, poll_now=due.append) as context:
        key = Key(None)
        runtime = AccountRuntime(account(key, ACTIVITY, CallingKeySettings()), context)
        await runtime.poll_all()
        key.text = KEY
        runtime.reread_key()
        assert ["default/activity", "default/key"] == due


async def test_key_check_that_reads_a_new_key_polls_all_collectors(simulator: Running) -> None:
    """Its request with the old key is rejected."""
    due: list[str] = []
    async with sharing(simulator.url, poll_now=due.append) as context:
        key = Key(WRONG)
        runtime = AccountRuntime(account(key, ACTIVITY, CallingKeySettings()), context)
        await runtime.key_check.check(refused=False)
        key.text = KEY
        await context.clock.sleep(300.0)
        await runtime.key_check.check(refused=False)
        assert ["default/activity", "default/key"] == due


async def test_first_key_is_not_a_change(simulator: Running) -> None:
    """First polls start at once anyway."""
    due: list[str] = []
    async with sharing(simulator.url, poll_now=due.append) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY, CallingKeySettings()), context)
        runtime.reread_key()
        await runtime.poll_all()
        assert [] == due


async def test_scheduled_job_can_run_now() -> None:
    """Its next run is at least half an interval later. A job that was removed meanwhile does not run."""
    runs: list[datetime] = []
    twice = asyncio.Event()

    async def run() -> None:
        runs.append(datetime.now(UTC))
        if len(runs) == 2:
            twice.set()

    scheduler = Scheduler(SystemClock())
    scheduler.start()
    scheduler.add("job", run, 900.0, 0, lambda: None)
    while not runs:
        await asyncio.sleep(0)
    scheduler.run_now("job")
    await asyncio.wait_for(twice.wait(), 5)
    following = scheduler.next_run("job")
    assert following is not None
    assert following - runs[1] > timedelta(seconds=440)
    scheduler.run_now("another")
    scheduler.stop()
    await asyncio.sleep(0)
