"""The account's own limit: never more than so many requests a minute, and none waits past its deadline."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.rate_limit import MINUTE, RateLimit
from exporter.errors import DeadlineExceeded


def test_the_first_go_at_once() -> None:
    """As many as the limit allows."""
    limit = RateLimit(3)
    assert [100.0, 100.0, 100.5] == [limit.take(now, math.inf) for now in (100.0, 100.0, 100.5)]


def test_the_next_waits_for_a_minute_since_the_first() -> None:
    """And those behind it for theirs, in order."""
    limit = RateLimit(2)
    assert [0.0, 1.0, 60.0, 61.0, 120.0] == [limit.take(min(now, 1.0), math.inf) for now in (0.0, 1.0, 2.0, 3.0, 4.0)]


def test_no_slot_after_the_deadline() -> None:
    """It fails at once, says why, and costs the others nothing."""
    limit = RateLimit(1)
    limit.take(0.0, math.inf)
    with pytest.raises(DeadlineExceeded, match=r"1 requests/min \(upstream.requests_per_minute\)"):
        limit.take(1.0, 60.0)
    assert 60.0 == limit.take(1.0, 61.0)


def test_a_new_limit_goes_on_from_an_old_one() -> None:
    """A reload is no way around the limit."""
    old, new = RateLimit(2), RateLimit(1)
    old.take(0.0, math.inf)
    old.take(5.0, math.inf)
    new.inherit(old, 6.0)
    assert 65.0 == new.take(6.0, math.inf)


def test_future_slots_are_not_inherited_on_reload() -> None:
    """Who had them is gone; but the requests before them count."""
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
def test_no_reload_lets_more_through(before: int, after: int, pauses: list[float]) -> None:
    """Requests that were made count on: no minute that ends after a reload has more than the larger limit."""
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
def test_no_minute_has_more_than_the_limit(most: int, pauses: list[float]) -> None:
    """Slots come in order, none before it is requested, and no minute has more than allowed."""
    limit, now, slots = RateLimit(most), 0.0, []
    for pause in pauses:
        now += pause
        slots.append(limit.take(now, math.inf))
        assert slots[-1] >= now
    assert sorted(slots) == slots
    assert all(later >= earlier + MINUTE for earlier, later in zip(slots, slots[most:], strict=False))
