"""When a job runs: its offset in the interval, and no run lost or doubled."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collectors.registry import SECTION
from exporter.polling.scheduler import PhasedTrigger, first_delay, next_time, phase
from tests.support import NOON

MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 — hypothesis wants naive bounds
INTERVALS = st.sampled_from([1.0, 1.5, 15.0, 37.3, 60.0, 900.0, 3600.0, 86400.0]) | st.floats(1, 1e6)


@settings(deadline=None)
@given(st.text(), INTERVALS)
def test_phase_is_within_the_interval(name: str, interval: float) -> None:
    assert 0 <= phase(name, interval) == phase(name, interval) <= interval


def test_phases_are_stable() -> None:
    """A restart or another version of Python must not change them."""
    assert [667.8, 342.3] == [round(phase(name, 900.0), 1) for name in ("default/activity", "other/activity")]


def test_phases_are_evenly_distributed() -> None:
    """Each tenth of the interval has about a tenth of the accounts."""
    result = [phase(f"account-{number}/activity", 10.0) for number in range(2000)]
    shares = [sum(tenth <= share < tenth + 1 for share in result) for tenth in range(10)]
    assert (True, True) == (min(shares) > 150, max(shares) < 250)


@settings(deadline=None)
@given(MOMENTS, INTERVALS, st.floats(0, 1, exclude_max=True))
def test_next_time_is_within_an_interval(now: datetime, interval: float, share: float) -> None:
    moment = next_time(now, interval, share * interval)
    assert timedelta(0) < moment - now <= timedelta(seconds=interval, microseconds=2)


@settings(deadline=None)
@given(MOMENTS, INTERVALS, st.floats(0, 1, exclude_max=True))
def test_next_time_at_a_scheduled_time_is_the_following_one(now: datetime, interval: float, share: float) -> None:
    """A loop that waits for a later time would never end otherwise."""
    scheduled = next_time(now, interval, share * interval)
    after = next_time(scheduled, interval, share * interval)
    assert timedelta(seconds=interval - 1e-3) < after - scheduled < timedelta(seconds=interval + 1e-3)


@settings(deadline=None)
@given(INTERVALS, st.floats(0, 1, exclude_max=True), MOMENTS)
def test_scheduled_times_keep_their_distance(interval: float, share: float, start: datetime) -> None:
    """The second poll is at least half an interval after the first, which starts at once."""
    trigger = PhasedTrigger(interval, share * interval, start)
    times = [trigger.get_next_fire_time(None, start)]
    for _ in range(5):
        times.append(trigger.get_next_fire_time(times[-1], times[-1]))
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert start == times[0]
    assert interval / 2 - 1e-3 <= gaps[0] <= 1.5 * interval + 1e-3
    assert [] == [gap for gap in gaps[1:] if abs(gap - interval) > 1e-3]


def test_missed_times_are_one_run_at_the_usual_time() -> None:
    """The machine may have slept for long."""
    trigger = PhasedTrigger(900.0, 60.0, NOON)
    later = NOON + timedelta(hours=5, minutes=3)
    assert datetime(2026, 8, 23, 17, 16, tzinfo=UTC) == trigger.get_next_fire_time(NOON + timedelta(minutes=16), later)


@pytest.mark.parametrize("jump", [-86400 * 365, -3600, 3600, 86400 * 365])
def test_phase_does_not_depend_on_the_start(jump: int) -> None:
    """It counts from 1970 and not from the start of the program."""
    now = NOON + timedelta(seconds=jump)
    assert 60.0 == next_time(now, 900.0, 60.0).timestamp() % 900.0


def test_thousand_accounts_never_poll_all_at_once() -> None:
    """No second has three times the average number of polls."""
    start, end = datetime(2026, 11, 26, 2, tzinfo=UTC), datetime(2026, 11, 26, 2, 20, tzinfo=UTC)
    jobs = [
        (f"account-{number}/{name}", collector.interval)
        for number in range(1000)
        for name, collector in SECTION().by_name().items()
        if collector.enabled
    ]
    polls: Counter[int] = Counter()
    for order, (job, interval) in enumerate(jobs):
        first = start + timedelta(seconds=first_delay(order, len(jobs), interval))
        trigger, time = PhasedTrigger(interval, phase(job, interval), first), first
        while time < end:
            polls[int((time - start).total_seconds())] += 1
            time = trigger.get_next_fire_time(time, time)
    assert max(polls.values()) < 3 * sum(1 / interval for _, interval in jobs)
