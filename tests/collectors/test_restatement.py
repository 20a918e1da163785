"""Changes in days that were read before are counted, and unchanged bytes are not decoded again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.errors import InvalidResponse
from tests.collectors.helpers import FixedClient, Polled, ago, at, poll, response_of, row
from tests.support import NOON

DAYS = [row(ago(days), name) for days in range(1, 31) for name in ("e1", "e2")]


def two_polls(first: list[Any], second: list[Any], later: timedelta = timedelta(minutes=15)) -> Polled:
    """Return the second of two polls."""
    collector = ActivityCollector("default", ActivitySettings())
    memory = poll(collector, response_of(first, NOON)).memory
    return poll(collector, response_of(second, NOON + later), now=NOON + later, memory=memory)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([*DAYS[:-1], DAYS[-1] | {"usage": 1.000001}], 1),
        ([row(ago(1), requests=99), *DAYS[1:]], 1),
        ([row(ago(1), requests=99), row(ago(1), "e2", usage=99), *DAYS[2:]], 2),
        (DAYS[1:], 1),  # went away
        ([*DAYS, row(ago(9), "new")], 1),  # appeared, with an endpoint that was not there
        ([*DAYS, row(ago(9), "new"), row(ago(8), "new")], 2),
        ([*DAYS, row(ago(9), "e1", usage=2.0)], 1),  # a second row on the same labels changes their sum
        ([{name: value for name, value in DAYS[0].items() if name != "cached_tokens"}, *DAYS[1:]], 1),
        ([], 60),
        (list(reversed(DAYS)), 0),
        ([day_row | {"model_permaslug": "acme/one-2027"} for day_row in DAYS], 0),
        ([*DAYS, row(ago(0), "new"), row(ago(31), "new"), row(ago(40), "new"), 7], 0),
    ],
)
def test_changed_new_and_removed_rows_count_as_restated(changed: list[Any], expected: int) -> None:
    """A different order or name does not count."""
    assert two_polls(DAYS, changed).collected.restated == expected


def test_value_that_stays_unknown_is_not_restated() -> None:
    """NaN is not equal to itself, but has not changed."""
    rows = [row(ago(days), cached_tokens=...) for days in (1, 2)]
    assert two_polls(rows, [*rows, row(ago(3), "new")]).collected.restated == 1


def test_first_poll_restates_nothing() -> None:
    assert poll(ActivityCollector("default", ActivitySettings()), response_of(DAYS)).collected.restated == 0


def test_window_that_moves_at_midnight_restates_nothing() -> None:
    tomorrow = (NOON + timedelta(days=1)).date()
    moved = [row(ago(days, tomorrow), name) for days in range(1, 31) for name in ("e1", "e2")]
    polled = two_polls(DAYS, moved, timedelta(days=1))
    assert polled.collected.summary.day == date(2026, 8, 23)
    assert polled.collected.restated == 0


def test_growing_day_before_it_settles_is_not_restated() -> None:
    """Its rows are expected to change."""
    collector = ActivityCollector("default", ActivitySettings())
    early, settled = at("2026-08-23 00:10:00"), at("2026-08-23 00:30:00")
    first = poll(collector, response_of(DAYS, early), now=early)
    grown = [row(ago(1), name, requests=50) for name in ("e1", "e2")] + DAYS[2:]
    second = poll(collector, response_of(grown, early), now=early, memory=first.memory)
    third = poll(collector, response_of([*grown, row(ago(1), "e3")], settled), now=settled, memory=second.memory)
    days = [polled.collected.summary.day for polled in (first, second, third)]
    assert days == [date(2026, 8, 21), date(2026, 8, 21), date(2026, 8, 22)]
    assert [polled.collected.restated for polled in (first, second, third)] == [0, 0, 0]


def test_days_hidden_by_a_wrong_clock_are_not_restated_when_they_return() -> None:
    """They had not been read before."""
    collector = ActivityCollector("default", ActivitySettings())
    ahead = poll(collector, response_of(DAYS, NOON), now=NOON + timedelta(days=4))
    right = poll(collector, response_of(DAYS, NOON), memory=ahead.memory)
    assert ahead.rejected == {"old_date": 4}
    assert (right.collected.snapshot is None, right.collected.restated) == (False, 0)


def test_clock_far_ahead_leaves_out_days_beyond_the_table() -> None:
    """Windows that need them are left out too."""
    collector = ActivityCollector("default", ActivitySettings())
    first = poll(collector, response_of(DAYS, NOON))
    changed = [row(ago(1), requests=99), *DAYS[1:]]
    second = poll(collector, response_of(changed, NOON), now=NOON + timedelta(days=4), memory=first.memory)
    assert "30d_requests" not in second.shown
    assert second.shown["7d_requests"] == {("acme/one", "Acme", "e1"): 99.0 + 18.0, ("acme/one", "Acme", "e2"): 21.0}
    assert sum(usd for _, usd in second.collected.summary.spend) == 28 * 2 * 3.0


@pytest.mark.parametrize("server", ["0100-01-01 00:00:00", "1899-12-31 00:00:00", "2026-07-24 00:00:00"])
def test_clocks_without_a_common_day_fail_the_poll(server: str) -> None:
    """The last values stay, and no day of long ago is published."""
    collector = ActivityCollector("default", ActivitySettings())
    first = poll(collector, response_of(DAYS, NOON))
    client = FixedClient(response_of(DAYS, at(server)))
    with pytest.raises(InvalidResponse, match=f"the server's clock says {server[:10]}, ours 2026-08-23"):
        poll(collector, response_of([]), memory=first.memory, client=client)
    assert ["invalid_response"] == [error.status_class for error in client.failures]


def test_changed_response_replaces_the_values() -> None:
    """Nothing accumulates between polls."""
    polled = two_polls(DAYS, [row(ago(1), requests=99)])
    assert polled.shown["30d_requests"] == {("acme/one", "Acme", "e1"): 99.0}


def test_unchanged_bytes_publish_nothing_and_keep_the_memory() -> None:
    collector, received = ActivityCollector("default", ActivitySettings()), response_of(DAYS, NOON)
    first = poll(collector, received)
    second = poll(collector, received, now=NOON + timedelta(hours=1), memory=first.memory)
    assert second.collected.snapshot is None
    assert second.memory is first.memory


@pytest.mark.parametrize(
    ("rows", "moment"),
    [
        (DAYS, "2026-08-23 00:30:00"),  # settled
        (DAYS[2:], "2026-08-23 03:00:00"),  # an empty yesterday is accepted
    ],
)
def test_unchanged_bytes_are_read_again_when_the_day_changes(rows: list[Any], moment: str) -> None:
    """The published day depends on the time as well."""
    collector = ActivityCollector("default", ActivitySettings())
    before, flip = at(moment) - timedelta(seconds=1), at(moment)
    first = poll(collector, response_of(rows, before), now=before)
    second = poll(collector, response_of(rows, before), now=before, memory=first.memory)
    third = poll(collector, response_of(rows, flip), now=flip, memory=second.memory)
    assert [first.collected.summary.day, second.collected.snapshot, third.collected.summary.day] == [
        date(2026, 8, 21),
        None,
        date(2026, 8, 22),
    ]
    assert third.collected.restated == 0


def test_memory_of_another_collector_is_ignored() -> None:
    assert (
        poll(ActivityCollector("default", ActivitySettings()), response_of(DAYS), memory=object()).collected.restated
        == 0
    )


def test_day_kept_from_the_last_poll_is_not_mixed_with_new_rows() -> None:
    """A response of 31 dates still has a part of the day that left the window."""
    collector = ActivityCollector("default", ActivitySettings())
    first = poll(collector, response_of([*DAYS[2:], row(ago(1)), row(ago(30), "gone")], NOON))
    early = at("2026-08-24 00:10:00")
    part = [row(ago(30), "gone", requests=1), row(ago(30), "new", requests=1000)]
    second = poll(collector, response_of([*part, row(ago(1)), row(ago(2))], early), now=early, memory=first.memory)
    assert sum(second.shown["30d_requests"].values()) == 3 * (2 + 2 + 1)
    assert dict(second.collected.summary.spend)[date(2026, 7, 24)] == 3.0 * 3
