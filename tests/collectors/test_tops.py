"""The models and keys that spent most, as the landing page lists them."""

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
    """The total is that of all, not only of the listed ones."""
    amounts = {f"model-{number:02}": float(number) for number in range(MOST_ENTRIES + 3)}
    largest = top("model", "30d", amounts)
    assert largest.total_usd == 78.0
    assert len(largest.entries) == MOST_ENTRIES
    assert largest.entries[0] == TopEntry("model-12", 12.0, 12 / 78)


def test_names_without_spend_are_not_listed() -> None:
    """Neither zeros nor refunds."""
    assert top("key", "today", {"a": 0.0, "b": -1.0}).entries == ()


def test_unknown_amount_makes_total_and_shares_unknown() -> None:
    """What is known is listed; a share of a part would be too high."""
    assert top("model", "today", {"a": 2.0, "b": math.nan}) == Top(
        of="model", period="today", total_usd=None, entries=(TopEntry("a", 2.0, None),)
    )


def test_models_of_today() -> None:
    """Summed over providers, credits and own keys together; until midnight."""
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
    """And no entries."""
    assert today([reply([])]).collected.summary.tops == (
        Top(of="model", period="today", total_usd=0.0, entries=(), until=MIDNIGHT),
    )


@pytest.mark.parametrize("windows", [("30d",), ()])
def test_models_of_thirty_days(windows: tuple[str, ...]) -> None:
    """Whether the window is published or not; today is not part of it."""
    rows = [row(ago(0)), row(ago(1)), row(ago(30), "e2"), row(ago(2), model="acme/two", usage=0.5)]
    (models,) = collect(rows, windows=windows).collected.summary.tops
    assert (models.of, models.period, models.total_usd, models.until) == ("model", "30d", 8.5, None)
    assert spent(models) == {"acme/one": 6.0, "acme/two": 2.5}


def test_models_without_the_label_are_not_listed() -> None:
    """`drop_labels` may leave it out."""
    assert collect([row()], drop_labels=("model",)).collected.summary.tops == ()


def test_keys_of_today_and_of_the_month() -> None:
    """Credits and own provider keys together, by name; each until its period ends."""
    of_today, of_month = keys(key("a"), key("b", usage_daily=5.0, usage_monthly=0.0, byok_usage_monthly=0.0))
    assert (spent(of_today), of_today.until) == ({"b": 5.1, "a": 1.1}, MIDNIGHT)
    assert (spent(of_month), of_month.until) == ({"a": 3.3}, datetime(2026, 9, 1, tzinfo=UTC))
    assert [(top_.of, top_.period) for top_ in (of_today, of_month)] == [("key", "today"), ("key", "month")]


def test_keys_of_one_name_are_distinguished() -> None:
    """By the label that their series have; a key without a name has only that."""
    (of_today, _) = keys(key(1, name="twin"), key(2, name="twin"), key(3, name=""))
    first, second, third = (digest(number)[:12] for number in (1, 2, 3))
    assert set(spent(of_today)) == {f"twin ({first})", f"twin ({second})", third}


def test_own_provider_keys_that_the_api_does_not_report_are_left_out() -> None:
    """Not every account has them."""
    absent = dict.fromkeys(("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"), ...)
    assert keys(key("a", **absent))[0].total_usd == 1.0
