"""The request limit of an account: at most so many requests per minute, and no wait past the deadline."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.rate_limit import MINUTE, RateLimit
from exporter.errors import DeadlineExceeded


def test_requests_within_the_limit_do_not_wait() -> None:
    limit = RateLimit(3)
    assert [100.0, 100.0, 100.5] == [limit.take(now, math.inf) for now in (100.0, 100.0, 100.5)]


def test_request_over_the_limit_waits_until_the_oldest_slot_is_a_minute_old() -> None:
    """Further requests get the next slots in order."""
    limit = RateLimit(2)
    assert [0.0, 1.0, 60.0, 61.0, 120.0] == [limit.take(min(now, 1.0), math.inf) for now in (0.0, 1.0, 2.0, 3.0, 4.0)]


def test_slot_after_the_deadline_fails_at_once_and_is_not_taken() -> None:
    """The next request can still use it."""
    limit = RateLimit(1)
    limit.take(0.0, math.inf)
    with pytest.raises(DeadlineExceeded, match=r"1 requests/min \(upstream.requests_per_minute\)"):
        limit.take(1.0, 60.0)
    assert 60.0 == limit.take(1.0, 61.0)


def test_new_limit_counts_the_requests_of_the_old_one() -> None:
    """A reload must not be a way around the limit."""
    old, new = RateLimit(2), RateLimit(1)
    old.take(0.0, math.inf)
    old.take(5.0, math.inf)
    new.inherit(old, 6.0)
    assert 65.0 == new.take(6.0, math.inf)


def test_future_slots_are_not_inherited_on_reload() -> None:
    """The requests that waited for them were cancelled. Only the requests before the reload count."""
    old, new = RateLimit(2), RateLimit(2)
    for _ in range(20):
        old.take(0.0, math.inf)
    new.inherit(old, 6.0)
    assert [66.0, 66.0, 126.0] == [new.take(7.0, math.inf) for _ in range(3)]


@given(
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=5),
    st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=20),
)
def test_no_minute_around_a_reload_exceeds_the_larger_limit(before: int, after: int, pauses: list[float]) -> None:
    old, new, now = RateLimit(before), RateLimit(after), 0.0
    slots = []
    for pause in pauses:
        now += pause
        slots.append(old.take(now, math.inf))
    new.inherit(old, now)
    made = [slot for slot in slots if slot <= now] + [new.take(now, math.inf) for _ in range(10)]
    most = max(before, after)
    assert all(later >= earlier + MINUTE for earlier, later in zip(made, made[most:], strict=False))


@given(
    st.integers(min_value=1, max_value=5),
    st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=40),
)
def test_no_minute_exceeds_the_limit(most: int, pauses: list[float]) -> None:
    """Slots are in order, and none is earlier than its request."""
    limit, now, slots = RateLimit(most), 0.0, []
    for pause in pauses:
        now += pause
        slots.append(limit.take(now, math.inf))
        assert slots[-1] >= now
    assert sorted(slots) == slots
    assert all(later >= earlier + MINUTE for earlier, later in zip(slots, slots[most:], strict=False))
