"""Which day the gauges describe, which days a window has, and which days a response covers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.windows import covered_days, latest_completed_day, window
from exporter.collectors.days import DAY, midnight, parse_day
from tests.collectors.helpers import Polled, ago, at, poll, response_of, row
from tests.support import NOON

SETTLE = 1800.0
EMPTY_AFTER = 10800.0
BOTH = frozenset({date(2026, 8, 21), date(2026, 8, 22)})
EARLIER_ONLY = frozenset({date(2026, 8, 21)})


@pytest.mark.parametrize(
    ("now", "days_with_rows", "expected"),
    [
        ("2026-08-22 23:59:59", BOTH, date(2026, 8, 21)),
        ("2026-08-22 23:59:59.999999", BOTH, date(2026, 8, 21)),
        ("2026-08-23 00:00:00", BOTH, date(2026, 8, 21)),
        ("2026-08-23 00:29:59.999999", BOTH, date(2026, 8, 21)),
        ("2026-08-23 00:30:00", BOTH, date(2026, 8, 22)),
        ("2026-08-23 23:59:59", BOTH, date(2026, 8, 22)),
        ("2026-08-23 00:30:00", EARLIER_ONLY, date(2026, 8, 21)),
        ("2026-08-23 02:59:59.999999", EARLIER_ONLY, date(2026, 8, 21)),
        ("2026-08-23 03:00:00", EARLIER_ONLY, date(2026, 8, 22)),
        ("2026-08-23 03:00:00", frozenset(), date(2026, 8, 22)),
        ("2026-03-01 00:30:00", frozenset({date(2026, 2, 28)}), date(2026, 2, 28)),
        ("2028-03-01 00:30:00", frozenset({date(2028, 2, 29)}), date(2028, 2, 29)),
        ("2027-01-01 00:00:00", frozenset({date(2026, 12, 31)}), date(2026, 12, 30)),
    ],
)
def test_latest_completed_day(now: str, days_with_rows: frozenset[date], expected: date) -> None:
    """It is yesterday once that day has settled and has rows, or once an empty day is accepted. Until then it is the
    day before.
    """
    day = latest_completed_day(at(now), settle=SETTLE, empty_after=EMPTY_AFTER, days_with_rows=days_with_rows)
    assert day == expected


def test_latest_completed_day_changes_at_midnight_without_delays() -> None:
    """With both settings at 0, even a day without rows is accepted at its end."""
    moments = [at("2026-08-22 23:59:59.999999"), at("2026-08-23 00:00:00")]
    days = [latest_completed_day(now, settle=0, empty_after=0, days_with_rows=()) for now in moments]
    assert days == [date(2026, 8, 21), date(2026, 8, 22)]


def test_empty_day_is_not_accepted_before_it_has_settled() -> None:
    """This holds even if `empty_day_after` is shorter."""
    late = {"settle": 3600.0, "empty_after": 60.0}
    moments = [at("2026-08-23 00:59:59"), at("2026-08-23 01:00:00")]
    days = [latest_completed_day(now, **late, days_with_rows=()) for now in moments]
    assert days == [date(2026, 8, 21), date(2026, 8, 22)]


def test_latest_completed_day_never_goes_back_with_empty_day_after_1d() -> None:
    """An empty yesterday is never accepted with that setting."""
    moments = [at("2026-08-23 00:00:00") + timedelta(hours=hours) for hours in range(72)]
    days = [latest_completed_day(now, settle=SETTLE, empty_after=86400.0, days_with_rows=()) for now in moments]
    assert days == sorted(days)
    assert set(days) == {date(2026, 8, 21), date(2026, 8, 22), date(2026, 8, 23)}


def test_latest_completed_day_is_in_utc() -> None:
    now = datetime(2026, 8, 23, 9, 0, tzinfo=timezone(timedelta(hours=10)))  # 23:00 the day before in UTC
    assert latest_completed_day(now, settle=SETTLE, empty_after=EMPTY_AFTER, days_with_rows=BOTH) == date(2026, 8, 21)


@pytest.mark.parametrize(
    ("name", "last", "first", "length"),
    [
        ("1d", date(2026, 8, 22), date(2026, 8, 22), 1),
        ("7d", date(2026, 3, 3), date(2026, 2, 25), 7),
        ("7d", date(2028, 3, 3), date(2028, 2, 26), 7),
        ("30d", date(2026, 8, 22), date(2026, 7, 24), 30),
        ("month_to_date", date(2026, 8, 1), date(2026, 8, 1), 1),
        ("month_to_date", date(2026, 8, 31), date(2026, 8, 1), 31),
        ("month_to_date", date(2026, 2, 28), date(2026, 2, 1), 28),
        ("month_to_date", date(2028, 2, 29), date(2028, 2, 1), 29),
        ("month_to_date", date(2026, 12, 31), date(2026, 12, 1), 31),
    ],
)
def test_window_contains_each_day_up_to_the_last_once(name: str, last: date, first: date, length: int) -> None:
    days = window(name).days(last)
    assert (days[0], days[-1], len(days), len(set(days))) == (first, last, length, length)
    assert list(days) == sorted(days)


def test_midnight_is_in_utc() -> None:
    assert midnight(date(2026, 8, 22)) == datetime(2026, 8, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("server", "first", "last"),
    [
        (None, date(2026, 7, 24), date(2026, 8, 22)),
        ("2026-08-23 11:59:58", date(2026, 7, 24), date(2026, 8, 22)),
        ("2026-08-24 00:00:00", date(2026, 7, 25), date(2026, 8, 22)),  # the server is a day ahead
        ("2026-08-22 23:59:59", date(2026, 7, 24), date(2026, 8, 21)),  # and a day behind
        ("2026-08-28 12:00:00", date(2026, 7, 29), date(2026, 8, 22)),
    ],
)
def test_response_covers_the_30_completed_days_of_both_clocks(server: str | None, first: date, last: date) -> None:
    days = sorted(covered_days(at("2026-08-23 12:00:00"), None if server is None else at(server)))
    assert days == [first + DAY * offset for offset in range((last - first).days + 1)]


def test_response_covers_no_day_if_the_clocks_are_far_apart() -> None:
    """No window is published then."""
    assert covered_days(at("2026-08-23 12:00:00"), at("2026-06-01 12:00:00")) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-23 00:00:00",
        "2026-08-23",
        "2026-08-23T00:00:00Z",
        "2026-08-23t00:00:00z",
        "2026-08-23T00:00:00+00:00",
        "2026-08-23T00:00:00.000Z",
        "2026-08-23T00:00:00.000000000Z",
        "2026-08-23T23:59:59.999999Z",
        "2026-08-24T01:30:00+02:00",
        "2026-08-23 00:00:00 UTC",
        " 2026-08-23",
        "2026-08-23\n",
    ],
)
def test_date_layouts_are_read_as_days_in_utc(text: str) -> None:
    """They are the layout of the live API, the documented one, and the forms of RFC 3339."""
    assert parse_day(text) == date(2026, 8, 23)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "2026-08",
        "2026-13-01",
        "2026-02-29",
        "2026-8-3",
        "23.08.2026",
        "1787443200",
        "2026-08-23 25:00:00",
        "0000-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "2026-08-23\ud800",
        "\uff12026-08-23",
        "ß" * 10,
        "9" * 10_000,
    ],
)
def test_invalid_date_is_none(text: str) -> None:
    """It raises nothing, because one row must not affect the others."""
    assert parse_day(text) is None


def undated(rows: list[Any], now: datetime, memory: object = None) -> Polled:
    """Poll an API that sends no Date header."""
    collector = ActivityCollector("default", ActivitySettings())
    return poll(collector, response_of(rows), now=now, memory=memory, dated=False)


def test_clock_one_day_ahead_publishes_no_zeros_without_a_date_header() -> None:
    """The rows do not reach the day that our clock takes for the latest completed one."""
    rows, tomorrow = [row(ago(1)), row(ago(2))], NOON + DAY
    shown = undated(rows, tomorrow).shown
    assert shown["requests"] == {("acme/one", "Acme", "e1"): 3.0}
    assert shown["day_timestamp_seconds"] == {(): midnight(NOON.date() - DAY).timestamp()}
    assert shown["7d_requests"] == {("acme/one", "Acme", "e1"): 6.0}


def test_empty_response_without_a_date_header_keeps_the_values() -> None:
    """It reaches no day."""
    first = undated([row(ago(1)), row(ago(2))], NOON)
    assert undated([], NOON, first.memory).shown["requests"] == {("acme/one", "Acme", "e1"): 3.0}


def test_day_without_rows_is_0_with_a_date_header() -> None:
    """Both clocks agree that the day is over."""
    rows, tomorrow = [row(ago(1)), row(ago(2))], NOON + DAY
    collector = ActivityCollector("default", ActivitySettings())
    assert poll(collector, response_of(rows, tomorrow), now=tomorrow).shown["requests"] == {
        ("acme/one", "Acme", "e1"): 0.0
    }
