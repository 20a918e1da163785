"""Calendar periods: each date belongs to exactly one day, week and month."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.days import DAY
from exporter.collectors.periods import PERIODS, end_of, period_starts_after, previous_start, start_of
from exporter.config.budget_settings import Period

DAYS = st.dates(date(2000, 1, 1), date(2200, 1, 1))


@pytest.mark.parametrize(
    ("period", "day", "previous", "start", "end"),
    [
        ("day", date(2028, 2, 29), date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)),
        ("week", date(2026, 8, 23), date(2026, 8, 10), date(2026, 8, 17), date(2026, 8, 24)),  # a Sunday
        ("week", date(2026, 8, 24), date(2026, 8, 17), date(2026, 8, 24), date(2026, 8, 31)),  # a Monday
        ("week", date(2027, 1, 1), date(2026, 12, 21), date(2026, 12, 28), date(2027, 1, 4)),
        ("month", date(2026, 12, 31), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)),
        ("month", date(2028, 3, 1), date(2028, 2, 1), date(2028, 3, 1), date(2028, 4, 1)),
    ],
)
def test_bounds_of_a_period(period: Period, day: date, previous: date, start: date, end: date) -> None:
    """Weeks begin on Monday."""
    assert (previous_start(period, day), start_of(period, day), end_of(period, day)) == (previous, start, end)


@given(DAYS, st.sampled_from(PERIODS))
def test_periods_follow_each_other_without_a_gap(day: date, period: Period) -> None:
    start, end = start_of(period, day), end_of(period, day)
    assert start <= day < end
    assert start_of(period, end) == end
    assert previous_start(period, end) == start
    assert end_of(period, end - DAY) == end


@given(DAYS)
def test_last_week_never_begins_before_last_month(day: date) -> None:
    """One query from the first day of last month therefore covers every period."""
    assert previous_start("month", day) <= previous_start("week", day)


def test_periods_end_tomorrow_next_monday_and_on_the_first() -> None:
    assert period_starts_after(date(2026, 8, 19)) == [date(2026, 8, 20), date(2026, 8, 24), date(2026, 9, 1)]
    assert period_starts_after(date(2026, 5, 31)) == [date(2026, 6, 1)]  # a Sunday, and the last of the month
