"""The runtime of an account: what its pollers share, and what a reload passes on to the next one."""

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
    """Create what accounts share. With the default clock, waits end at once."""
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


async def test_poll_that_starts_after_its_account_ended_sends_nothing(simulator: Running) -> None:
    """The scheduler had started it when a reload removed the account, whose key may have changed by now."""
    async with sharing(simulator.url) as shared:
        old = AccountRuntime(account(Key(), ACTIVITY), shared)
        polling = asyncio.create_task(old.poll(old.pollers[0]))
        old.abandon_polls()
        await polling
        assert (0, 0) == (simulator.counts["/api/v1/activity"], published(shared))


async def test_one_task_may_poll_several_times(simulator: Running, caplog: pytest.LogCaptureFixture) -> None:
    """`once` polls the catalogue like this, and asyncio must not log an error at the end."""
    async with sharing(simulator.url) as shared:
        runtime = AccountRuntime(account(Key(), ACTIVITY, CallingKeySettings()), shared)

        async def poll_in_turn() -> None:
            for poller in runtime.pollers:
                await runtime.poll(poller)

        await asyncio.create_task(poll_in_turn())
        await asyncio.sleep(0)
    assert (frozenset(), []) == (runtime.polls_in_progress, caplog.records)


async def test_concurrent_pollers_check_the_key_once(simulator: Running) -> None:
    """Only one of the requests is the key check."""
    async with sharing(simulator.url) as shared:
        at_work = AccountRuntime(account(Key(), ACTIVITY, CallingKeySettings()), shared)
        await asyncio.gather(*(at_work.key_check.check(refused=False) for _ in range(4)))
        assert 1 == simulator.counts[KEY_PATH]
        await at_work.key_check.check(refused=False)
        assert 1 == simulator.counts[KEY_PATH]


async def test_key_that_only_some_collectors_may_use_is_checked_once(simulator: Running) -> None:
    """An ordinary key is refused by some collectors and accepted by others. Each poll must not start another check."""
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
    """Data expire by the new setting even while the API is down."""
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


async def test_number_of_folded_endpoints_is_kept_after_a_reload(simulator: Running) -> None:
    """An unchanged response publishes nothing, so no later poll would report it."""
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
    """After any number of reloads while requests wait, the next one waits at most a minute."""
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
    """Its attempts have failed, so nothing is lost."""
    clock, backoff = FakeClock(), Backoff(max_elapsed_time=60.0)
    simulator.faults.replace(parse_fault("status-503"))
    async with sharing(simulator.url, clock, retries=Retries(backoff=backoff)) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        await clock.sleeping()
        runtime.stop_waiting()
        await poll
        assert (1, False) == (simulator.counts["/api/v1/activity"], runtime.pollers[0].state.attempted)


async def test_attempt_that_fails_during_shutdown_is_not_retried(simulator: Running) -> None:
    """The attempt itself may end, because it may succeed."""
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
    """Its data are published."""
    async with sharing(simulator.url) as context:
        runtime = AccountRuntime(account(Key(), ACTIVITY), context)
        poll = asyncio.create_task(runtime.poll(runtime.pollers[0]))
        await asyncio.sleep(0)
        runtime.stop_waiting()
        await poll
        assert runtime.pollers[0].state.succeeded


async def test_poll_that_waits_for_a_rate_limit_slot_ends_at_once_on_shutdown(simulator: Running) -> None:
    """The wait may take a minute."""
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
