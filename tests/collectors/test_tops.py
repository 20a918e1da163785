"""The models and keys with the highest spend, as the landing page lists them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.collectors.keys import KeysCollector, KeysSettings
from exporter.collectors.tops import MOST_ENTRIES, top
from exporter.status import Top, TopEntry
from tests.collectors.analytics_samples import row as today_row
from tests.collectors.analytics_samples import today
from tests.collectors.balances import account, digest, key, pages, polled
from tests.collectors.helpers import ago, collect, row
from tests.collectors.scripted_polls import reply

MIDNIGHT = datetime(2026, 8, 24, tzinfo=UTC)


def keys(*rows: Any) -> tuple[Top, ...]:
    return polled(KeysCollector("default", KeysSettings()), account(pages(list(rows)))).collected.summary.tops


def spent(top_: Top) -> dict[str, float]:
    return {entry.name: entry.usd for entry in top_.entries}


def test_largest_spender_comes_first_with_its_share_of_the_total() -> None:
    """The total includes those that are not listed."""
    amounts = {f"model-{number:02}": float(number) for number in range(MOST_ENTRIES + 3)}
    largest = top("model", "30d", amounts)
    assert largest.total_usd == 78.0
    assert len(largest.entries) == MOST_ENTRIES
    assert largest.entries[0] == TopEntry("model-12", 12.0, 12 / 78)


def test_names_without_spend_are_not_listed() -> None:
    assert top("key", "today", {"a": 0.0, "b": -1.0}).entries == ()


def test_unknown_amount_makes_total_and_shares_unknown() -> None:
    """Known amounts are listed."""
    assert top("model", "today", {"a": 2.0, "b": math.nan}) == Top(
        of="model", period="today", total_usd=None, entries=(TopEntry("a", 2.0, None),)
    )


def test_top_models_of_today_are_summed_over_providers() -> None:
    """The entries expire at midnight."""
    rows = [today_row("one", "A"), today_row("one", "B"), today_row("two", "A", credits_usage=0.5)]
    assert today([reply(rows)]).collected.summary.tops == (
        Top(
            of="model",
            period="today",
            total_usd=11.0,
            entries=(TopEntry("one", 8.0, 8 / 11), TopEntry("two", 3.0, 3 / 11)),
            until=MIDNIGHT,
        ),
    )


def test_day_without_usage_has_a_total_of_zero() -> None:
    assert today([reply([])]).collected.summary.tops == (
        Top(of="model", period="today", total_usd=0.0, entries=(), until=MIDNIGHT),
    )


@pytest.mark.parametrize("windows", [("30d",), ()])
def test_top_models_of_30_days_do_not_depend_on_published_windows(windows: tuple[str, ...]) -> None:
    """Today is not part of them."""
    rows = [row(ago(0)), row(ago(1)), row(ago(30), "e2"), row(ago(2), model="acme/two", usage=0.5)]
    (models,) = collect(rows, windows=windows).collected.summary.tops
    assert (models.of, models.period, models.total_usd, models.until) == ("model", "30d", 8.5, None)
    assert spent(models) == {"acme/one": 6.0, "acme/two": 2.5}


def test_models_are_not_listed_if_the_label_is_dropped() -> None:
    assert collect([row()], drop_labels=("model",)).collected.summary.tops == ()


def test_top_keys_of_today_and_of_the_month_include_byok_usage() -> None:
    """The entries expire when the period ends."""
    of_today, of_month = keys(key("a"), key("b", usage_daily=5.0, usage_monthly=0.0, byok_usage_monthly=0.0))
    assert (spent(of_today), of_today.until) == ({"b": 5.1, "a": 1.1}, MIDNIGHT)
    assert (spent(of_month), of_month.until) == ({"a": 3.3}, datetime(2026, 9, 1, tzinfo=UTC))
    assert [(top_.of, top_.period) for top_ in (of_today, of_month)] == [("key", "today"), ("key", "month")]


def test_top_keys_with_the_same_name_have_their_label_added() -> None:
    """A key without a name is listed by its label."""
    (of_today, _) = keys(key(1, name="twin"), key(2, name="twin"), key(3, name=""))
    first, second, third = (digest(number)[:12] for number in (1, 2, 3))
    assert set(spent(of_today)) == {f"twin ({first})", f"twin ({second})", third}


def test_top_keys_without_byok_usage_are_listed_by_credits() -> None:
    """Not every account has BYOK usage."""
    absent = dict.fromkeys(("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"), ...)
    assert keys(key("a", **absent))[0].total_usd == 1.0
