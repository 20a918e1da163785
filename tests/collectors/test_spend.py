"""Spend by calendar period: exact, today included, and either complete or absent."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.periods import previous_start, start_of
from exporter.collectors.spend import SpendCollector, SpendSettings
from exporter.errors import InvalidResponse
from exporter.simulator.usage import SimulatedAccount
from tests.collectors.helpers import at, shown
from tests.collectors.scripted_polls import PollResult, Reply, ScriptedClient, poll_once, reply, simulated
from tests.support import NOON

DAY = timedelta(days=1)
TODAY = NOON.date()  # a Sunday
PERIODS = ("today", "yesterday", "week", "last_week", "month", "last_month")


def spend(client: ScriptedClient | list[Reply], *, now: datetime = NOON) -> PollResult:
    return poll_once(SpendCollector("default", SpendSettings()), client, now=now, prefix="openrouter_spend_")


def row(day: date | str, usd: Any = 1.0, byok: Any = 0.5, field: str = "date__day") -> dict[str, Any]:
    return {field: str(day), "credits_usage": usd, "byok_usage": byok}


def amounts(polled: PollResult, payer: str = "credits") -> dict[str, float]:
    """Return the published periods with the amount that the payer paid."""
    return {
        name: polled.families[f"{name}_usd"][(payer,)]
        for name in PERIODS
        if (payer,) in polled.families.get(f"{name}_usd", {})
    }


def test_each_day_counts_in_its_periods() -> None:
    """The 23rd is a Sunday, and its week began on the 17th."""
    rows = [
        row("2026-08-23", 1),
        row("2026-08-22", 10),
        row("2026-08-17", 100),
        row("2026-08-16", 1000),
        row("2026-08-10", 10_000),
        row("2026-08-09", 100_000),
        row("2026-08-01", 1_000_000),
        row("2026-07-31", 10_000_000),
        row("2026-07-01", 100_000_000),
    ]
    assert amounts(spend([reply(rows)])) == {
        "today": 1,
        "yesterday": 10,
        "week": 111,
        "last_week": 11_000,
        "month": 1_111_111,
        "last_month": 110_000_000,
    }


def test_credits_and_byok_are_separate_series() -> None:
    polled = spend([reply([row(TODAY, 1.5, 2.5)])])
    assert polled.families["today_usd"] == {("credits",): 1.5, ("byok",): 2.5}
    assert polled.collected.summary.figures == (("Spent this month", 4.0),)


def test_expected_spend_follows_the_mean_of_each_weekday() -> None:
    """Mondays cost 80 and other days 10. Half of Sunday the 23rd is over, and two Mondays and six other days follow."""
    days = [TODAY - number * DAY for number in range(1, 29)]
    rows = [row(day, 79 if day.weekday() == 0 else 9, 1) for day in days]
    month = 3 * 80 + 19 * 10  # until the 22nd
    polled = spend([reply([*rows, row(TODAY, 4, 0)])])
    assert polled.families["month_expected_usd"] == {(): month + 4 + 5 + 2 * 80 + 6 * 10}


def test_expected_spend_is_absent_in_the_first_four_weeks() -> None:
    polled = spend([reply([row("2026-08-10", 100), row(TODAY, 1)])])
    assert polled.families.get("month_expected_usd", {}) == {}


def test_one_request_covers_every_period() -> None:
    """It begins with the first day of last month and ends with this minute."""
    polled = spend([reply([])], now=at("2026-08-23 12:34:56"))
    (content,) = polled.client.contents()
    assert content == {
        "metrics": ["credits_usage", "byok_usage"],
        "granularity": "day",
        "time_range": {"start": "2026-07-01T00:00:00Z", "end": "2026-08-23T12:34:59Z"},
        "limit": 10_000,
    }


@pytest.mark.parametrize(
    "time",
    [
        {"date__day": "2026-08-23"},
        {"created_at__day": "2026-08-23"},
        {"date__day": "2026-08-23 00:00:00"},
        {"created_at__day": "2026-08-23T00:00:00.000Z"},
        {"created_at__day": "2026-08-23T02:00:00+02:00"},
    ],
)
def test_time_key_has_two_names_and_several_layouts(time: dict[str, str]) -> None:
    """The live service uses all of them."""
    assert amounts(spend([reply([time | {"credits_usage": "3.5", "byok_usage": 0}])]))["today"] == 3.5


def test_day_without_a_row_is_zero() -> None:
    """The response covers the whole range."""
    assert set(amounts(spend([reply([])])).values()) == {0.0}


def test_unreadable_amount_makes_its_periods_absent_for_that_payer() -> None:
    """A partial sum would be wrong."""
    polled = spend([reply([row(TODAY, 1.0), row(TODAY - DAY, "many"), row(TODAY - 2 * DAY, 4.0)])])
    assert amounts(polled) == {"today": 1.0, "last_week": 0.0, "last_month": 0.0}
    assert amounts(polled, "byok")["month"] == 1.5
    assert polled.collected.summary.figures == ()


def test_refund_lowers_the_sum() -> None:
    assert amounts(spend([reply([row(TODAY, -0.25), row(TODAY - DAY, 1.0)])]))["week"] == 0.75


def test_identical_rows_count_once_and_as_a_duplicate() -> None:
    """A row with another amount for the day is a different row."""
    polled = spend([reply([row(TODAY, 1.5), row(TODAY, 1.5), row(TODAY, 2.0)])])
    assert (amounts(polled)["today"], polled.rejected) == (3.5, {"duplicate": 1})


def test_row_of_a_day_outside_the_range_is_rejected() -> None:
    polled = spend([reply([row("2026-06-30", 9.0), row("2026-08-24", 9.0), row(TODAY, 1.0)])])
    assert (amounts(polled)["month"], amounts(polled)["last_month"]) == (1.0, 0.0)
    assert polled.rejected == {"another_day": 2}


@pytest.mark.parametrize(
    "time", [{}, {"date__day": "soon"}, {"date__day": "2026-08-23", "created_at__day": "2026-08-22"}]
)
def test_row_without_a_day_fails_the_poll(time: dict[str, str]) -> None:
    """Any period could contain it."""
    with pytest.raises(InvalidResponse, match="does not name its day"):
        spend([reply([time | {"credits_usage": 1.0, "byok_usage": 0}])])


@pytest.mark.parametrize(
    "partial",
    [reply([row(TODAY)], truncated=True), reply([row(TODAY)], row_count=2)],
)
def test_partial_response_fails_the_poll(partial: Reply) -> None:
    """Some days would be missing."""
    with pytest.raises(InvalidResponse, match="cut off"):
        spend([partial])


def test_warning_without_rows_fails_the_poll() -> None:
    """It does not mean that the account spent nothing."""
    with pytest.raises(InvalidResponse, match="the API warns: no data"):
        spend([reply([], warnings=["no data"])])


def test_day_without_a_date_header_must_be_confirmed_by_a_row() -> None:
    """A clock that is a day ahead must not produce zeros."""
    yesterday_only = [row(TODAY - DAY, 5.0)]
    with pytest.raises(InvalidResponse, match="confirms that the current day has begun"):
        spend([reply(yesterday_only, server=None)])
    assert amounts(spend([reply([*yesterday_only, row(TODAY)], server=None)]))["yesterday"] == 5.0


def test_days_follow_the_earlier_clock() -> None:
    """Here it is just after midnight by our clock and just before it by the server's."""
    rows = [row("2026-08-22", 5.0), row("2026-08-21", 3.0)]
    polled = spend([reply(rows, server=at("2026-08-22 23:59:59"))], now=at("2026-08-23 00:00:02"))
    assert (amounts(polled)["today"], amounts(polled)["yesterday"]) == (5.0, 3.0)
    with pytest.raises(InvalidResponse, match="clock says"):
        spend([reply(rows, server=at("2026-08-20 12:00:00"))])


def test_timestamp_is_the_time_of_the_response_or_of_its_cache() -> None:
    """A cache from before today is refused."""
    noon = NOON.timestamp()
    assert spend([reply([])]).families["timestamp_seconds"] == {(): noon}
    cached = int((noon - 600) * 1000)
    assert spend([reply([], cachedAt=cached)]).families["timestamp_seconds"] == {(): noon - 600}
    with pytest.raises(InvalidResponse, match="before the day began"):
        spend([reply([], cachedAt=int((noon - 86_400) * 1000))])


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (
            "2026-08-19 12:00:00",  # a Wednesday
            {
                "2026-08-20": {"week", "last_week", "month", "month_expected", "last_month"},
                "2026-08-24": {"month", "month_expected", "last_month"},
                "2026-09-01": set(),
            },
        ),
        ("2026-05-31 12:00:00", {"2026-06-01": set()}),  # a Sunday, and the last of the month
        ("2026-08-31 12:00:00", {"2026-09-01": {"week", "last_week"}, "2026-09-07": set()}),  # a Monday
    ],
)
def test_amounts_expire_at_the_midnight_that_ends_their_period(now: str, ends: dict[str, set[str]]) -> None:
    """No poll is needed, and the timestamp stays."""
    collected = spend([reply([row(now[:10])], server=at(now))], now=at(now)).collected
    remaining = {}
    for moment, snapshot in collected.successors:
        names = {name.removeprefix("openrouter_spend_").removesuffix("_usd") for name in shown(snapshot)}
        remaining[str(moment)] = names - {"timestamp_seconds"}
        assert "timestamp_seconds" in names
    assert remaining == {f"{day} 00:00:00+00:00": periods for day, periods in ends.items()}


@pytest.mark.parametrize(
    "now",
    [
        "2026-08-23 12:00:00",
        "2026-08-24 00:00:30",  # just after a Sunday
        "2026-09-01 00:01:00",
        "2028-02-29 23:59:00",
        "2028-03-01 06:00:00",
        "2027-01-01 00:30:00",
        "2026-12-31 23:59:59",
    ],
)
def test_periods_equal_the_exact_sums_of_the_accounts_rows(now: str) -> None:
    """The rows of completed days are those of `/activity`."""
    moment = at(now)
    polled = spend(simulated(moment), now=moment)
    today = moment.astimezone(UTC).date()
    account = SimulatedAccount(1)

    def exactly(first: date, end: date) -> Fraction:
        days = [first + number * DAY for number in range((end - first).days)]
        return sum((Fraction(str(row.usage)) for day in days for row in account.rows_of_day(day)), Fraction())

    week, month = start_of("week", today), start_of("month", today)
    expected = {
        "yesterday": exactly(today - DAY, today),
        "last_week": exactly(week - 7 * DAY, week),
        "last_month": exactly(previous_start("month", today), month),
    }
    for name, usd in expected.items():
        assert amounts(polled)[name] == pytest.approx(float(usd), rel=1e-12)
    so_far = amounts(polled)["today"]
    assert amounts(polled)["week"] - so_far == pytest.approx(float(exactly(week, today)), abs=1e-9)
    assert amounts(polled)["month"] - so_far == pytest.approx(float(exactly(month, today)), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 52), st.floats(-1e6, 1e9)), max_size=40))
def test_sums_are_exact_in_any_order_of_rows(rows: list[tuple[int, float]]) -> None:
    first = date(2026, 7, 1)
    listed = list(dict.fromkeys((first + number * DAY, usd) for number, usd in rows))
    shown = amounts(spend([reply([row(day, usd) for day, usd in listed])]))
    for name, start, end in (("month", date(2026, 8, 1), TODAY + DAY), ("last_month", first, date(2026, 8, 1))):
        exact = sum((Fraction(usd) for day, usd in listed if start <= day < end), Fraction())
        assert math.isclose(shown[name], float(exact), rel_tol=1e-12, abs_tol=1e-300)
