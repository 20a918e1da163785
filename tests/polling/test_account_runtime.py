"""One account at work: what its pollers do together, and what is left to the account that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from exporter.api.request_metrics import RequestDuration
from exporter.api.session import open_session
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.calling_key import CallingKeySettings
from exporter.collectors.registry import only
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import Account, Backoff, Retries, Upstream
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.store import Store
from exporter.polling.account import AccountRuntime
from exporter.polling.poller_group import PollingContext
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.api.harness import Key
from tests.support import FakeClock

ACTIVITY = ActivitySettings(settle_delay=0.0)
KEY_PATH = "/api/v1/key"


@asynccontextmanager
async def sharing(
    url: str,
    clock: FakeClock | None = None,
    poll_now: Callable[[str], None] = lambda _: None,
    **upstream: Any,
) -> AsyncIterator[PollingContext]:
    """Give what accounts share, on a clock that sleeping moves if no other is given."""
    settings = replace(Upstream(base_url=url, retries=Retries(strategy="none")), **upstream)
    async with open_session(settings) as session:
        yield PollingContext(
            upstream=settings,
            authorities=b"",
            session=session,
            clock=clock or FakeClock(self_moving=True),
            store=Store(),
            duration=RequestDuration(MetricsRegistry(), ()),
            after_poll=lambda _: None,
            poll_now=poll_now,
        )


def account(source: Key, *collectors: CollectorSettings) -> Account:
    return Account(name="default", key=source, collectors=only(*collectors))


def published(shared: PollingContext, collector: str = "activity") -> int:
    return shared.store.series("default", collector, shared.clock.monotonic())


async def test_poll_after_the_account_ended_is_not_made(simulator: Running) -> None:
    """The scheduler had begun it when a reload ended the account: what it reads may be another key's by now."""
    async with sharing(simulator.url) as shared:
        old = AccountRuntime(account(Key(), ACTIVITY), shared)
        polling = asyncio.create_task(old.poll(old.pollers[0]))
        old.abandon_polls()
        await polling
        assert (0, 0) == (simulator.counts["/api/v1/activity"], published(shared))


async def test_one_task_may_poll_several_times(simulator: Running, caplog: pytest.LogCaptureFixture) -> None:
    """As `once` polls the catalogue: its end is not logged as an error of asyncio."""
    async with sharing(simulator.url) as shared:
        runtime = AccountRuntime(account(Key(), ACTIVITY, CallingKeySettings()), shared)

        async def poll_in_turn() -> None:
            for poller in runtime.pollers:
                await runtime.poll(poller)

        await asyncio.create_task(poll_in_turn())
        await asyncio.sleep(0)
    assert (frozenset(), []) == (runtime.polls_in_progress, caplog.records)


async def test_pollers_that_begin_together_check_the_key_once(simulator: Running) -> None:
    """The polls' own requests apart, one says what kind of key it is."""
    async with sharing(simulator.url) as shared:
        at_work = AccountRuntime(account(Key(), ACTIVITY, CallingKeySettings()), shared)
        await asyncio.gather(*(at_work.key_check.check(refused=False) for _ in range(4)))
        assert 1 == simulator.counts[KEY_PATH]
        await at_work.key_check.check(refused=False)
        assert 1 == simulator.counts[KEY_PATH]


async def test_key_that_only_some_collectors_may_use_is_checked_once(simulator: Running) -> None:
    """An ordinary key is refused here and welcome there; that is one refusal, and not a new one with each turn."""
    async with sharing(simulator.url) as shared:
        at_work = AccountRuntime(account(Key("sk-or-v1-ordinary"), ACTIVITY, CallingKeySettings()), shared)
        refused, welcome = at_work.pollers
        for _ in range(3):
            await at_work.poll(refused)
            await at_work.poll(welcome)
        own_polls = 3
        assert own_polls + 1 == simulator.counts[KEY_PATH]


@pytest.mark.parametrize(("stale_after", "expected"), [(1800.0, False), (3600.0, True)])
async def test_new_stale_after_applies_at_once(simulator: Running, stale_after: float, *, expected: bool) -> None:
    """Though the API is down: data that were to stay for ever go when the new settings say so."""
    async with sharing(simulator.url) as shared:
        key = Key()
        old = AccountRuntime(account(key, replace(ACTIVITY, stale_after=float("inf"))), shared)
        await old.poll(old.pollers[0])
        simulator.faults.replace(parse_fault("status-500"))
        await shared.clock.sleep(900.0)
        new = AccountRuntime(account(key, replace(ACTIVITY, stale_after=stale_after)), shared)
        assert {"activity"} == new.inherit(old)
        await new.poll(new.pollers[0])
        assert published(shared) > 0
        await shared.clock.sleep(900.0)
        assert expected == (published(shared) > 0)


async def test_folded_endpoints_are_still_folded_after_a_reload(simulator: Running) -> None:
    """The same response publishes nothing anew, so nothing else would report it again."""
    name, labels = "openrouter_exporter_endpoints_folded", {"account": "default", "collector": "activity"}
    async with sharing(simulator.url) as shared:
        key = Key()
        old = AccountRuntime(account(key, replace(ACTIVITY, max_endpoints=2)), shared)
        await old.poll(old.pollers[0])
        new = AccountRuntime(account(key, replace(ACTIVITY, max_endpoints=2, interval=60.0)), shared)
        new.inherit(old)
        before = old.metrics_registry.get_sample_value(name, labels)
        assert (True, before) == (bool(before), new.metrics_registry.get_sample_value(name, labels))


async def test_rate_limit_slots_of_cancelled_polls_delay_no_request(simulator: Running) -> None:
    """However often the configuration is read anew while requests wait for a slot, the next waits a minute."""
    clock, key = FakeClock(), Key()
    async with sharing(simulator.url, clock, requests_per_minute=1) as shared:
        old = AccountRuntime(account(key, ACTIVITY), shared)
        await old.poll(old.pollers[0])
        for interval in range(60, 70):
            new = AccountRuntime(account(key, replace(ACTIVITY, interval=float(interval))), shared)
            new.inherit(old)
            polling = asyncio.create_task(new.poll(new.pollers[0]))
            await asyncio.sleep(0)
            new.abandon_polls()
            await polling
            old = new
        last = AccountRuntime(account(key, ACTIVITY), shared)
        last.inherit(old)
        polling = asyncio.create_task(last.poll(last.pollers[0]))
        await asyncio.sleep(0)
        clock.advance(60.0)
        await polling
        assert (True, 2) == (last.pollers[0].state.succeeded, simulator.counts["/api/v1/activity"])


async def test_poll_that_waits_for_a_retry_ends_at_once_on_shutdown(simulator: Running) -> None:
    """Nothing is lost: the attempts failed."""
    clock, backoff = FakeClock(), Backoff(max_elapsed_time=60.0)
    simulator.faults.replace(parse_fault("status-503"))
    async with sharing(simulator.url, clock, retries=Retries(backoff=backoff)) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        await clock.sleeping()
        runtime.stop_waiting()
        await poll
        assert (1, False) == (simulator.counts["/api/v1/activity"], runtime.pollers[0].state.attempted)


async def test_poll_whose_attempt_fails_during_shutdown_does_not_wait_for_another(simulator: Running) -> None:
    """The attempt in progress may end, because it may succeed."""
    clock, backoff = FakeClock(), Backoff(max_elapsed_time=60.0)
    simulator.faults.replace(parse_fault("status-503"))
    async with sharing(simulator.url, clock, retries=Retries(backoff=backoff)) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        await asyncio.sleep(0)
        runtime.stop_waiting()
        await poll
        assert (1, []) == (simulator.counts["/api/v1/activity"], clock.slept)


async def test_attempt_in_progress_may_succeed_during_shutdown(simulator: Running) -> None:
    """What it read is published."""
    async with sharing(simulator.url) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        await asyncio.sleep(0)
        runtime.stop_waiting()
        await poll
        assert runtime.pollers[0].state.succeeded


async def test_poll_that_waits_for_a_rate_limit_slot_ends_at_once_on_shutdown(simulator: Running) -> None:
    """That can be a minute."""
    clock = FakeClock()
    async with sharing(simulator.url, clock, requests_per_minute=1, retries=Retries()) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        while simulator.counts["/api/v1/activity"] + simulator.counts[KEY_PATH] < 1 or not clock.slept:
            await asyncio.sleep(0)
            if poll.done():
                poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        runtime.stop_waiting()
        await poll
        assert 1 == simulator.counts["/api/v1/activity"] + simulator.counts[KEY_PATH]
