"""The results of a poll: outcome, metrics and data, with a collector that follows a script."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from exporter.collectors.base import Collected, Poll
from exporter.errors import ConnectionFailed, InvalidResponse, StatusError
from exporter.status import BudgetStatus, Top
from tests.polling.harness import UNCHANGED, FakeCollector, collected, polling
from tests.support import NOON

START = NOON.timestamp()
NAMES = ("success", "duration_seconds", "last_attempt_timestamp_seconds", "last_success_timestamp_seconds", "series")


async def slow(poll: Poll) -> Collected:
    """Take seven seconds."""
    await poll.clock.sleep(7.0)
    return collected()


async def test_metrics_are_0_before_the_first_poll() -> None:
    """Every series exists, and the interval is known."""
    async with polling([collected()]) as observed:
        assert [0.0] * 5 == [observed.value(f"collector_{name}") for name in NAMES]
        assert 900.0 == observed.value("collector_interval_seconds")
        assert [0.0, 0.0] == [
            observed.value("exporter_polls_skipped_total", reason=reason) for reason in ("still_running", "retry_after")
        ]
        assert (False, False, False) == (
            observed.poller.state.attempted,
            observed.poller.state.succeeded,
            observed.poller.overdue,
        )


async def test_successful_poll_records_its_start_and_duration() -> None:
    async with polling([slow]) as observed:
        record = await observed.poll()
        assert record is not None
        assert ("changed", 7.0, NOON, None) == (record.outcome, record.duration_seconds, record.started, record.error)
        assert [1.0, 7.0, START, START, 3.0] == [observed.value(f"collector_{name}") for name in NAMES]
        assert (3, True, True) == (
            observed.published(),
            observed.poller.state.attempted,
            observed.poller.state.succeeded,
        )


async def test_failed_poll_keeps_the_data_and_the_last_success() -> None:
    async with polling([collected(), StatusError(503, "HTTP 503: Busy")]) as observed:
        await observed.poll()
        record = await observed.poll(after=900.0)
        assert record is not None
        assert ("failed", "HTTP 503: Busy", "5xx") == (record.outcome, record.error, record.status_class)
        assert [0.0, 0.0, START + 900, START, 3.0] == [observed.value(f"collector_{name}") for name in NAMES]
        assert (3, True, False) == (
            observed.published(),
            observed.poller.state.attempted,
            observed.poller.state.succeeded,
        )


async def test_rejected_rows_of_the_last_successful_poll_are_a_gauge() -> None:
    """It shows whether the published totals lack rows, so a failed poll keeps it. Duplicates do not count."""

    async def partial(poll: Poll) -> Collected:
        for reason in ("missing_model", "invalid_date", "duplicate"):
            poll.rejections.reject(reason, {})
        return collected()

    async with polling([partial, StatusError(503, "HTTP 503: Busy"), collected()]) as observed:
        rejected = [observed.value("collector_rows_rejected")]
        for _ in range(3):
            await observed.poll(after=900.0)
            rejected.append(observed.value("collector_rows_rejected"))
        assert [0.0, 2.0, 2.0, 0.0] == rejected


async def test_failed_first_poll_publishes_nothing() -> None:
    """The time of the last success is absent."""
    async with polling([ConnectionFailed("refused")]) as observed:
        await observed.poll()
        assert [0.0, 0.0, START, 0.0, 0.0] == [observed.value(f"collector_{name}") for name in NAMES]
        assert (0, True, False) == (
            observed.published(),
            observed.poller.state.attempted,
            observed.poller.state.succeeded,
        )


async def test_unchanged_poll_renews_the_expiry() -> None:
    async with polling([collected(), UNCHANGED]) as observed:
        await observed.poll()
        record = await observed.poll(after=900.0)
        assert record is not None
        assert ("unchanged", START + 900) == (
            record.outcome,
            observed.value("collector_last_success_timestamp_seconds"),
        )
        observed.clock.advance(3599.0)
        assert 3 == observed.published()
        observed.clock.advance(1.0)
        assert 0 == observed.published()


async def test_figures_expire_with_the_data() -> None:
    """The landing page must not show a balance for longer than its series."""
    left = (("Credit left", 5.0),)
    async with polling([collected(figures=left), UNCHANGED, ConnectionFailed("")]) as observed:
        await observed.poll()
        await observed.poll(after=900.0)
        await observed.poll(after=900.0)
        assert left == observed.poller.status(None).figures
        observed.clock.advance(2700.0)
        assert () == observed.poller.status(None).figures


@pytest.mark.parametrize(
    ("elapsed", "spent", "projected"),
    [(0.1, 4.0, None), (0.25, 4.0, 16.0), (0.5, 4.0, 8.0), (1.0, None, None)],
)
async def test_budget_is_projected_and_its_spend_ends_with_its_period(
    elapsed: float, spent: float | None, projected: float | None
) -> None:
    """It ends by the clock and not with the next poll. In the first fifth of a period there is no projection."""
    budget = BudgetStatus(
        name="short",
        period="day",
        source="configuration",
        scope="account",
        value="",
        limit_usd=10.0,
        spent_usd=4.0,
        remaining_usd=6.0,
        period_start=NOON,
        period_end=NOON + timedelta(minutes=10),
    )
    async with polling([collected(budgets=(budget,))]) as observed:
        await observed.poll()
        observed.clock.advance(600.0 * elapsed)
        (shown,) = observed.poller.status(None).budgets
        assert (shown.limit_usd, shown.spent_usd, shown.projected_usd) == (10.0, spent, projected)


async def test_figures_of_today_expire_at_midnight() -> None:
    end = NOON + timedelta(minutes=10)
    async with polling([collected(figures=(("Spent today", 5.0),), figures_until=end)]) as observed:
        await observed.poll()
        observed.clock.advance(599.0)
        assert (("Spent today", 5.0),) == observed.poller.status(None).figures
        observed.clock.advance(1.0)
        assert () == observed.poller.status(None).figures


async def test_top_models_of_today_expire_at_midnight() -> None:
    """Those of 30 days stay."""
    today = Top(of="model", period="today", total_usd=0.0, entries=(), until=NOON + timedelta(minutes=10))
    days = Top(of="model", period="30d", total_usd=0.0, entries=())
    async with polling([collected(tops=(today, days))]) as observed:
        await observed.poll()
        assert (today, days) == observed.poller.status(None).tops
        observed.clock.advance(600.0)
        assert (days,) == observed.poller.status(None).tops


async def test_data_expire_and_return() -> None:
    """`stale_after` counts from the start of the poll that read them."""
    async with polling([slow, ConnectionFailed(""), ConnectionFailed(""), UNCHANGED]) as observed:
        await observed.poll()
        await observed.poll(after=3592.9)
        assert (3, 3.0) == (observed.published(), observed.value("collector_series"))
        await observed.poll(after=0.1)
        assert (0, 0.0) == (observed.published(), observed.value("collector_series"))
        await observed.poll()
        assert (3, 3.0) == (observed.published(), observed.value("collector_series"))


async def test_collector_gets_the_memory_of_the_last_published_poll() -> None:
    """A failed poll has no memory."""
    collector = FakeCollector(
        [collected(memory="first"), InvalidResponse("cut off"), UNCHANGED, collected(memory="second")]
    )
    async with polling(collector) as observed:
        for _ in range(5):
            await observed.poll()
    assert [None, "first", "first", "first", "second"] == collector.memories


async def test_poll_has_one_instant_and_one_deadline() -> None:
    """Both count from its start."""
    collector = FakeCollector([slow])
    async with polling(collector) as observed:
        await observed.poll()
    assert (NOON, 1060.0, False) == (collector.polls[0].instant, collector.polls[0].deadline, collector.polls[0].quiet)


async def test_polls_are_quiet_in_an_outage() -> None:
    """This holds from the second failure until the next success."""
    collector = FakeCollector([collected(), ConnectionFailed(""), ConnectionFailed(""), collected(), collected()])
    async with polling(collector) as observed:
        for _ in range(5):
            await observed.poll()
    assert [False, False, True, True, False] == [poll.quiet for poll in collector.polls]


async def test_polls_never_overlap() -> None:
    """A poll that is due meanwhile is counted as skipped."""
    going_on, may_end = asyncio.Event(), asyncio.Event()

    async def wait(_: Poll) -> Collected:
        going_on.set()
        await may_end.wait()
        return collected()

    collector = FakeCollector([wait])
    async with polling(collector) as observed:
        first = asyncio.create_task(observed.poller.poll())
        await going_on.wait()
        assert (None, True) == (await observed.poll(), observed.poller.status(None).polling)
        may_end.set()
        await first
        assert (1, 1.0) == (
            len(collector.polls),
            observed.value("exporter_polls_skipped_total", reason="still_running"),
        )
        assert None is not await observed.poll()


async def test_cancelled_poll_leaves_no_record_and_no_data() -> None:
    """The next one runs as usual."""
    going_on = asyncio.Event()

    async def hang(_: Poll) -> Collected:
        going_on.set()
        await asyncio.Event().wait()
        return collected()

    async with polling([hang, collected()]) as observed:
        task = asyncio.create_task(observed.poller.poll())
        await going_on.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (False, 0, []) == (observed.poller.state.attempted, observed.published(), observed.events)
        assert None is not await observed.poll()


async def test_polls_before_retry_after_are_skipped_and_counted() -> None:
    """The last outcome stays."""
    refused = StatusError(429, "HTTP 429: Rate limit exceeded", 2000.0)
    refused.not_before = 1000.0 + 2000.0
    async with polling([refused, collected()]) as observed:
        await observed.poll()
        skipped = [await observed.poll(after=900.0), await observed.poll(after=900.0)]
        assert ([None, None], 2.0) == (skipped, observed.value("exporter_polls_skipped_total", reason="retry_after"))
        assert (START, 0.0) == (
            observed.value("collector_last_attempt_timestamp_seconds"),
            observed.value("collector_success"),
        )
        assert (None, 3000.0) == (await observed.poll(after=199.9), observed.clock.monotonic() + 0.1)
        assert None is not await observed.poll(after=0.1)


async def test_polls_skipped_because_of_retry_after_are_not_overdue() -> None:
    """A long Retry-After must not look like a daemon that hangs."""
    refused = StatusError(429, "", 86400.0)
    refused.not_before = 1000.0 + 86400.0
    async with polling([refused]) as observed:
        for _ in range(10):
            await observed.poll(after=900.0)
            assert not observed.poller.overdue


async def test_poller_is_overdue_after_two_intervals_without_a_poll() -> None:
    """The longest poll and some grace are added."""
    async with polling([collected()]) as observed:
        await observed.poll()
        observed.clock.advance(2 * 900 + 60 + 30)
        assert not observed.poller.overdue
        observed.clock.advance(0.1)
        assert observed.poller.overdue


async def test_restated_rows_and_folded_endpoints_are_counted() -> None:
    """Restated rows accumulate, and folded endpoints are those of the last change."""
    async with polling([collected(restated=2, folded=5), collected(restated=3), UNCHANGED]) as observed:
        await observed.poll()
        assert (2.0, 5.0) == (
            observed.value("exporter_rows_restated_total"),
            observed.value("exporter_endpoints_folded"),
        )
        await observed.poll()
        await observed.poll()
        assert (5.0, 0.0) == (
            observed.value("exporter_rows_restated_total"),
            observed.value("exporter_endpoints_folded"),
        )


async def test_last_20_polls_are_kept() -> None:
    async with polling([collected(), UNCHANGED]) as observed:
        for _ in range(30):
            await observed.poll()
        status = observed.poller.status(None)
    assert (20, {"unchanged"}) == (len(status.polls), {record.outcome for record in status.polls})


async def test_poller_inherits_data_memory_metrics_and_outage_of_its_predecessor() -> None:
    async with polling([collected(memory="old"), ConnectionFailed("refused")]) as old:
        await old.poll()
        await old.poll()
        successor = FakeCollector([ConnectionFailed("refused")])
        async with polling(successor) as observed:
            assert observed.poller.publishes_as(old.poller)
            observed.poller.inherit(old.poller)
            assert observed.poller.state.attempted
            assert START == observed.value("collector_last_success_timestamp_seconds")
            await observed.poll()
            assert (["old"], []) == (successor.memories, observed.lines())


async def test_polls_and_skips_update_the_registry_version() -> None:
    async with polling([collected()]) as observed:
        versions = [observed.metrics_registry.version]
        await observed.poll()
        versions.append(observed.metrics_registry.version)
        observed.poller.skip("still_running")
        versions.append(observed.metrics_registry.version)
    assert versions == sorted(set(versions))
