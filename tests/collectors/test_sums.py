"""Sums equal exact arithmetic, whichever rows are summed, labels are dropped or splits are used, in any order."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collectors.helpers import FIELDS, TODAY, UNHURRIED, YESTERDAY, Labels, Shown, ago, collect, row

COUNTS = list(FIELDS.values())[2:]
LABELS = {"model": "model", "provider": "provider_name", "endpoint_id": "endpoint_id", "workspace_id": "workspace_id"}
WINDOWS = {"": 1, "7d_": 7, "30d_": 30, "month_to_date_": YESTERDAY.day}

Rows = list[dict[str, Any]]
Split = Literal["none", "workspace"]

dropped = st.sets(st.sampled_from(["model", "provider", "endpoint_id"])).map(lambda labels: tuple(sorted(labels)))
splits: st.SearchStrategy[Split] = st.sampled_from(["none", "workspace"])
money = st.integers(0, 10**12).map(lambda millionths: millionths / 10**6)
tokens = st.integers(0, 10**12)
anything = st.floats(0, 1e15)


def rows_of(amount: st.SearchStrategy[Any], count: st.SearchStrategy[Any]) -> st.SearchStrategy[Rows]:
    """Return rows of few endpoints and days, so that many have the same labels."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "date": st.integers(1, 31).map(ago),
        "model": st.sampled_from(["acme/one", "acme/two"]),
        "provider_name": st.sampled_from(["Acme", "Umbrella"]),
        "endpoint_id": st.sampled_from(["e1", "e2"]),
        "workspace_id": st.sampled_from(["w1", "w2"]),
        "usage": amount,
        "byok_usage_inference": amount,
    }
    rows = st.fixed_dictionaries(fields | dict.fromkeys(COUNTS, count))
    return st.lists(rows, min_size=1, max_size=25, unique_by=repr)


def exact(rows: Rows, drop: tuple[str, ...], split: Split) -> dict[str, dict[Labels, Fraction]]:
    """Return the exact value of every gauge for these rows, without those of unknown value."""
    labels = [field for label, field in LABELS.items() if label not in drop]
    labels = labels if split == "workspace" else [field for field in labels if field != "workspace_id"]

    def key(row_: dict[str, Any]) -> Labels:
        return tuple(row_[field] for field in labels)

    families: dict[str, dict[Labels, Fraction]] = {}
    for window, length in WINDOWS.items():
        inside = [row for row in rows if TODAY - timedelta(days=length) <= date.fromisoformat(row["date"][:10])]
        for measure, field in FIELDS.items():
            reported = any(row[field] is not None for row in rows)
            family = families[window + measure] = {}
            for labels_of_one in map(key, rows):
                numbers = [row_[field] for row_ in inside if key(row_) == labels_of_one]
                if None not in numbers and (numbers or reported):
                    family[labels_of_one] = sum(map(Fraction, numbers), Fraction(0))
    return families


def gauges(shown: Shown) -> Shown:
    return {name: family for name, family in shown.items() if not name.endswith(("day_timestamp_seconds", "info"))}


def as_floats(families: dict[str, dict[Labels, Fraction]]) -> dict[str, Any]:
    return {
        name: pytest.approx({labels: float(number) for labels, number in family.items()}, rel=1e-12, abs=0)
        for name, family in families.items()
    }


@UNHURRIED
@given(rows_of(st.none() | anything, st.none() | st.integers(0, 10**15)), dropped, splits)
def test_every_gauge_is_the_exact_sum(rows: Rows, drop: tuple[str, ...], split: Split) -> None:
    """The precision is 1e-12. A series is absent if one of its rows lacks the number."""
    rows = [row for row in rows if any(row[field] is not None for field in FIELDS.values())]
    families = gauges(collect(rows, drop_labels=drop, split_by=split).shown)
    assert families == as_floats(exact(rows, drop, split))


@UNHURRIED
@given(rows_of(money, tokens), dropped, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_change_sums(rows: Rows, drop: tuple[str, ...], chance: random.Random) -> None:
    """Otherwise a new order would count as restated."""
    shuffled = chance.sample(rows, len(rows))
    assert collect(rows, drop_labels=drop).shown == collect(shuffled, drop_labels=drop).shown


@UNHURRIED
@given(rows_of(anything, anything), dropped, st.randoms(use_true_random=False))
def test_order_of_any_numbers_changes_sums_by_at_most_1e_15(
    rows: Rows, drop: tuple[str, ...], chance: random.Random
) -> None:
    first = collect(rows, drop_labels=drop).shown
    second = collect(chance.sample(rows, len(rows)), drop_labels=drop).shown
    assert second == {name: pytest.approx(family, rel=1e-15, abs=0) for name, family in first.items()}


@UNHURRIED
@given(rows_of(money, tokens), dropped)
def test_splitting_and_dropping_labels_keep_totals(rows: Rows, drop: tuple[str, ...]) -> None:
    whole = {name: float(sum(family.values())) for name, family in exact(rows, (), "none").items()}
    for split in ("none", "workspace"):
        families = gauges(collect(rows, drop_labels=drop, split_by=split).shown)
        totals = {name: sum(family.values()) for name, family in families.items()}
        assert totals == pytest.approx(whole, rel=1e-12, abs=0)


def test_sum_of_10000_equal_amounts_is_exact() -> None:
    """Plain addition of 10,000 times 0.1 is not 1,000."""
    rows = [row(endpoint=f"e{number}", usage=0.1) for number in range(10_000)]
    shown = collect(rows, drop_labels=("model", "provider", "endpoint_id")).shown
    assert shown["usage_usd"] == {(): 1000.0}
    assert reduce(add, [0.1] * 10_000) != 1000.0


@pytest.mark.parametrize("others", [0, 2000])
def test_identical_rows_count_once_and_as_a_duplicate(others: int) -> None:
    """The second row may be far from the first. Totals do not lack it."""
    more = [row(ago(1 + number % 30), f"e{number}") for number in range(2, others)]
    polled = collect([row(usage=1.5), *more, row(usage=1.5)])
    assert polled.shown["usage_usd"]["acme/one", "Acme", "e1"] == 1.5
    assert ({"duplicate": 1}, 0) == (polled.rejected, polled.rejections.missing)


@pytest.mark.parametrize("field", [{"region": "eu"}, {"workspace_id": "w2"}, {"usage": 1.25}])
def test_different_rows_with_the_same_labels_are_summed(field: dict[str, Any]) -> None:
    """They may differ in a field that is not known yet."""
    polled = collect([row(), row() | field, row()])
    assert polled.shown["requests"] == {("acme/one", "Acme", "e1"): 6.0}
    assert polled.rejected == {"duplicate": 1}


def test_reasoning_and_cached_tokens_are_as_the_api_says() -> None:
    """Larger than what they seem to be a part of: neither clamped nor subtracted."""
    shown = collect([row(completion_tokens=5, reasoning_tokens=50, prompt_tokens=4, cached_tokens=40)]).shown
    assert [sum(shown[f"{kind}_tokens"].values()) for kind in ("prompt", "completion", "reasoning", "cached")] == [
        4,
        5,
        50,
        40,
    ]


def test_sums_of_the_largest_numbers_are_exact() -> None:
    """Here they are a quadrillion tokens plus one."""
    rows = [row(prompt_tokens=10**15), row(prompt_tokens=1)]
    assert collect(rows).shown["prompt_tokens"] == {("acme/one", "Acme", "e1"): 10**15 + 1}


def test_labels_are_those_of_the_row() -> None:
    """A missing model is replaced by its permaslug, and other missing labels are empty."""
    rows = [{"date": ago(1), "model_permaslug": "acme/one-2026", "requests": 1}]
    assert collect(rows).shown["requests"] == {("acme/one-2026", "", ""): 1.0}


def test_numbers_as_text_and_as_decimals_are_numbers() -> None:
    """Both have been seen."""
    shown = collect([row(requests="3", prompt_tokens=4.0, usage="1e-3")]).shown
    assert [shown[name][("acme/one", "Acme", "e1")] for name in ("requests", "prompt_tokens", "usage_usd")] == [
        3.0,
        4.0,
        0.001,
    ]


def test_workspaces_are_a_label_only_if_configured() -> None:
    """Rows of two workspaces are one series."""
    rows = [row(workspace_id="w1"), row(workspace_id="w2")]
    assert collect(rows).shown["requests"] == {("acme/one", "Acme", "e1"): 6.0}
    assert collect(rows, split_by="workspace").shown["requests"] == {
        ("acme/one", "Acme", "e1", "w1"): 3.0,
        ("acme/one", "Acme", "e1", "w2"): 3.0,
    }
