"""Any sequence of polls, with wrong clocks and late or restated days, publishes what a simple model does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from tests.collectors.helpers import UNHURRIED, Shown, at, poll, response_of, row
from tests.collectors.model import Model

START = at("2026-08-27 18:00:00")


@dataclass(frozen=True)
class Step:
    """One poll: the minutes since the last one, the error of our clock, and what the API does."""

    minutes: int
    skew: int  # minutes
    date_header: bool
    late: bool
    revision: int


steps = st.builds(
    Step,
    minutes=st.sampled_from([1, 15, 15, 29, 45, 180, 600, 1440]),
    skew=st.sampled_from([0, 0, 0, 0, -1, 1, -700, 700, -1500, 1500, -5760, 5760]),
    date_header=st.booleans(),
    late=st.booleans(),
    revision=st.integers(0, 1),
)


def usage(day: date, endpoint: int, revision: int) -> Fraction:
    """Return the spend of an endpoint on a day. 0 means that there is no row."""
    number = day.toordinal() * 7919 + endpoint * 104_729
    if number % 5 < 2:
        return Fraction(0)
    return Fraction(number % 99_991 + (revision if day.day % 7 == 0 else 0), 1000)


@UNHURRIED
@given(st.lists(steps, min_size=1, max_size=12))
def test_any_sequence_of_polls_publishes_what_the_model_does(sequence: list[Step]) -> None:
    """Compared are the day, the windows and every value."""
    collector, model, moment = ActivityCollector("default", ActivitySettings()), Model(), START
    memory: object = None
    shown: Shown = {}
    for step in sequence:
        moment += timedelta(minutes=step.minutes)
        local, server = moment + timedelta(minutes=step.skew), moment if step.date_header else None
        days = [moment.date() - timedelta(days=back) for back in range(2 if step.late else 1, 31)]
        uses = [(day, f"e{number}", usage(day, number, step.revision)) for day in days for number in range(3)]
        uses = [use for use in uses if use[2]]
        rows = [row(f"{day} 00:00:00", endpoint, usage=float(amount)) for day, endpoint, amount in uses]
        polled = poll(collector, response_of(rows, server), now=local, memory=memory, dated=False)
        memory = polled.memory
        expected = model.poll(local, server, uses)
        if polled.collected.snapshot is not None:
            shown = polled.shown
        assert datetime.fromtimestamp(shown["day_timestamp_seconds"][()], tz=UTC).date() == expected.day
        for name in ("", "7d", "30d", "month_to_date"):
            family = shown.get(f"{name}_usage_usd" if name else "usage_usd")
            if name not in expected.windows:
                assert family is None
                continue
            assert family is not None
            values = {labels[2]: value for labels, value in family.items()}
            right = {endpoint: float(amount) for endpoint, amount in expected.windows[name].items()}
            assert values == pytest.approx(right, rel=1e-12, abs=0)
