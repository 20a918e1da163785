"""Spend on the landing page: totals over accounts, days without data, and the chart."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.support import NOON
from tests.web.outline import page_of, read
from tests.web.samples import collector, spend, status, waiting


def test_no_amount_is_shown_before_the_first_poll() -> None:
    """The page shows `waiting` instead of a spend of zero."""
    text = read(page_of(status(waiting())))
    assert "waiting" in text
    assert "The first poll has not ended yet." in text
    assert "No spend yet" in text
    assert "$" not in text


def test_spend_of_the_latest_day_and_of_30_days_is_summed_over_accounts() -> None:
    text = read(page_of(status(collector("a"), collector("b"))))
    assert "Latest complete day $9.00 2026-08-22 (UTC)" in text
    assert "Last 30 days $15.00 from 2026-08-20" in text


def test_total_shows_the_number_of_accounts_that_it_includes() -> None:
    """Otherwise a failing account would look as if it spent nothing."""
    text = read(page_of(status(collector("a"), waiting("b"))))
    assert "Latest complete day $4.50 2026-08-22 (UTC), 1 of 2 accounts" in text
    assert "Last 30 days $7.50 from 2026-08-20, 1 of 2 accounts" in text


def test_figures_are_summed_over_the_accounts_that_have_them() -> None:
    left = collector("a", figures=(("Credit left", 5.0),)), collector("b", figures=(("Credit left", 2.5),))
    assert "Credit left $7.50 as of the last polls Series" in read(page_of(status(*left)))
    assert "Credit left $7.50 as of the last polls, 2 of 3 accounts" in read(page_of(status(*left, waiting("c"))))


def test_bar_has_its_day_and_amount() -> None:
    """Hovering a bar shows them; the axes show the first and last day and the highest amount."""
    page = page_of(status(collector()))
    assert re.findall(r"<title>(20.*?)</title>", page) == [
        "2026-08-20: $1.00",
        "2026-08-21: $2.00",
        "2026-08-22: $4.50",
    ]
    assert "$4.50 $2.25 $0 2026-08-20: " in read(page)


def test_unknown_day_is_a_gap_in_the_chart() -> None:
    """A day without data has no bar, not even one of zero."""
    days = (*spend(1.0, last=NOON.date() - timedelta(days=4)), *spend(2.0))
    page = page_of(status(collector(spend=days)))
    assert re.findall(r'class="hit" x="(\d+)"', page) == ["0", "30"]


def test_nan_is_neither_drawn_nor_summed() -> None:
    """NaN is an unknown amount."""
    page = page_of(status(collector(spend=spend(float("nan"), 2.0))))
    assert "Last 30 days $2.00 from 2026-08-22" in read(page)
    assert "nan" not in page


def test_thirty_days_without_spend_have_no_chart() -> None:
    """A sentence replaces bars of zero."""
    page = page_of(status(collector(spend=spend(*[0.0] * 30))))
    assert "No spend from 2026-07-24 to 2026-08-22." in read(page)
    assert 'class="bars' not in page


def test_total_has_only_the_last_30_days() -> None:
    assert "Last 30 days $30.00 from 2026-07-24" in read(page_of(status(collector(spend=spend(*[1.0] * 40)))))


def test_total_of_expired_values_is_marked() -> None:
    """The last poll may have succeeded."""
    text = read(page_of(status(collector("a", expired=True), collector("b"))))
    assert "1 stale 1 healthy" in text
    assert "Last 30 days $15.00 from 2026-08-20, expired" in text


def test_account_without_usage_has_a_spend_of_zero() -> None:
    """The API returned no rows for 30 days."""
    text = read(page_of(status(collector(spend=()))))
    assert "Latest complete day $0.00 2026-08-22 (UTC), no usage" in text
    assert "No usage in the 30 days to 2026-08-22." in text
    assert "not known yet" not in text


def test_account_without_usage_has_zero_in_the_overview() -> None:
    """An account without a poll yet has no amount."""
    text = read(page_of(status(collector("idle", spend=()), waiting("new"))))
    assert "new waiting activity — — — — —" in text
    assert "idle healthy $0.00 $0.00 — — —" in text


def test_collector_without_usage_has_zero_in_the_overview() -> None:
    """A collector without a poll yet has no amount."""
    collectors = [collector(collector=f"idle-{number}", spend=()) for number in range(4)]
    page = page_of(status(*collectors, waiting()))
    assert re.findall(r'data-name="30 days">([^<]*)</td></tr>', page) == ["\N{EM DASH}", *["$0.00"] * 4]


def test_account_without_usage_is_part_of_the_total() -> None:
    """An account without a poll yet is not."""
    assert "$7.50 from 2026-08-20 $" not in read(page_of(status(collector("a"), collector("b", spend=()))))
    text = read(page_of(status(collector("a"), collector("b", spend=()), waiting("c"))))
    assert "Last 30 days $7.50 from 2026-08-20, 2 of 3 accounts" in text


def test_refund_lowers_the_total() -> None:
    """Negative money is a correction, not an unknown amount."""
    page = page_of(status(collector(spend=spend(5.0, -2.0))))
    assert "Last 30 days $3.00" in read(page)
    assert "2026-08-22: \N{MINUS SIGN}$2.00" in page
