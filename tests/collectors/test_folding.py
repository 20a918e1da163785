"""The smallest endpoints beyond `max_endpoints` are one series, and totals stay right; the filters on models."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collectors.helpers import UNHURRIED, ago, collect, row

OTHER = ("other", "other", "other")

spending = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from("abcdefgh"), st.integers(0, 64), st.sampled_from(["w1", "w2"])),
    min_size=1,
    max_size=30,
)


def key(name: str) -> tuple[str, str, str]:
    return ("acme/one", "Acme", name)


@UNHURRIED
@given(spending, st.integers(1, 9))
def test_the_largest_stay_and_the_rest_adds_up(uses: list[tuple[int, str, int, str]], most: int) -> None:
    """Largest by spend over all days, then by requests, then by name; `other` is the exact rest in every window."""
    rows = [
        row(ago(day), name, usage=eighths / 8, byok_usage_inference=0, number=number)
        for number, (day, name, eighths, _) in enumerate(uses)
    ]
    polled = collect(rows, max_endpoints=most)
    spend = Counter({name: 0 for _, name, _, _ in uses})
    requests: Counter[str] = Counter()
    for _, name, eighths, _ in uses:
        spend[name] += eighths
        requests[name] += 1
    order = sorted(spend, key=lambda name: (-spend[name], -requests[name], name))
    for window, length in {"": 1, "7d_": 7, "30d_": 30}.items():
        latest: Counter[str] = Counter(dict.fromkeys(spend, 0))
        for day, name, eighths, _ in uses:
            latest[name] += eighths * (day <= length)
        expected = {key(name): latest[name] / 8 for name in order[:most]}
        if len(order) > most:
            expected[OTHER] = sum(latest[name] for name in order[most:]) / 8
        assert polled.shown[f"{window}usage_usd"] == expected
    assert polled.collected.summary.folded == max(0, len(order) - most)


@UNHURRIED
@given(spending, st.integers(1, 5))
def test_each_workspace_keeps_its_own_rest(uses: list[tuple[int, str, int, str]], most: int) -> None:
    """So that totals per workspace stay right."""
    rows = [
        row(ago(day), name, usage=eighths / 8, workspace_id=where, number=number)
        for number, (day, name, eighths, where) in enumerate(uses)
    ]
    family = collect(rows, max_endpoints=most, split_by="workspace").shown["30d_usage_usd"]
    totals: Counter[str] = Counter()
    for labels, value in family.items():
        totals[labels[3]] += int(value * 8)
    expected = Counter({where: 0 for *_, where in uses})
    for _, _, eighths, where in uses:
        expected[where] += eighths
    assert totals == expected


def test_nothing_is_folded_up_to_the_limit() -> None:
    """As many endpoints as may be."""
    polled = collect([row(endpoint=name) for name in "abc"], max_endpoints=3)
    assert set(polled.shown["requests"]) == {key("a"), key("b"), key("c")}
    assert polled.collected.summary.folded == 0


def test_own_key_spend_counts_for_size() -> None:
    """An endpoint paid with one's own provider key is no small one."""
    rows = [row(endpoint="own", usage=0, byok_usage_inference=9), row(endpoint="paid", usage=5, byok_usage_inference=0)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("own"), OTHER}


def test_requests_and_then_names_decide_between_equals() -> None:
    """Of those who spend the same."""
    rows = [row(endpoint=name, usage=1.0, requests=requests) for name, requests in (("a", 1), ("b", 9), ("c", 9))]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("b"), OTHER}


def test_unknown_spend_counts_as_none_for_size() -> None:
    """It is not known to be large."""
    rows = [row(endpoint="unknown", usage=..., byok_usage_inference=...), row(endpoint="known", usage=0.5)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("known"), OTHER}


def test_a_model_that_is_really_called_other() -> None:
    """It is joined with the rest: one series, and the total is right; endpoint_info doesn't name it."""
    real = row(endpoint="other", model="other", provider_name="other", usage=100.0, requests=7)
    polled = collect([real, *(row(endpoint=name, usage=1.0) for name in "abc")], max_endpoints=2)
    assert polled.shown["requests"] == {OTHER: 7.0 + 2 * 3.0, key("a"): 3.0}
    assert {labels[0] for labels in polled.shown["endpoint_info"]} == {"a"}


def test_a_model_called_other_among_the_small_ones() -> None:
    """Then it is part of the rest like any other."""
    real = row(endpoint="other", model="other", provider_name="other", usage=0.5, requests=7)
    polled = collect([real, *(row(endpoint=name, usage=1.0) for name in "abc")], max_endpoints=2)
    assert polled.shown["requests"] == {OTHER: 10.0, key("a"): 3.0, key("b"): 3.0}


def test_a_rest_with_an_unknown_number_has_no_such_series() -> None:
    """A sum of which a part is unknown is unknown; the numbers that all report are there."""
    rows = [row(endpoint="large", usage=9.0), row(endpoint="a", cached_tokens=...), row(endpoint="b")]
    shown = collect(rows, max_endpoints=1).shown
    assert shown["cached_tokens"] == {key("large"): 7.0}
    assert shown["requests"] == {key("large"): 3.0, OTHER: 6.0}


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({}, {"acme/one", "acme/one:free", "umbrella/two"}),
        ({"include": ("acme/.*",)}, {"acme/one", "acme/one:free"}),
        ({"include": ("acme/one",)}, {"acme/one"}),  # the whole name, not a part of it
        ({"include": ("one",)}, set()),
        ({"exclude": (".*:free",)}, {"acme/one", "umbrella/two"}),
        ({"include": ("acme/.*",), "exclude": (".*:free",)}, {"acme/one"}),
        ({"include": ("acme/one", "umbrella/.*")}, {"acme/one", "umbrella/two"}),
        ({"exclude": (".*",)}, set()),
    ],
)
def test_models_to_show(settings_: dict[str, Any], expected: set[str]) -> None:
    """By expressions that match the whole name; `exclude` wins."""
    rows = [row(model=name) for name in ("acme/one", "acme/one:free", "umbrella/two")]
    patterns: dict[str, Any] = {name: tuple(map(re.compile, texts)) for name, texts in settings_.items()}
    assert {labels[0] for labels in collect(rows, **patterns).shown["requests"]} == expected


def test_a_model_left_out_still_shows_that_the_day_came() -> None:
    """Only excluded models were used yesterday: the day is not late, and the others did nothing on it."""
    rows = [row(ago(1), model="acme/hidden"), row(ago(2))]
    polled = collect(rows, exclude=(re.compile("acme/hidden"),), empty_day_after=86400.0)
    assert polled.shown["requests"] == {key("e1"): 0.0}


def test_dropped_labels_are_gone_from_every_family() -> None:
    """And `other` has only those that are left."""
    rows = [row(endpoint="e1", model=name, usage=spend) for name, spend in (("big", 2), ("small", 1), ("tiny", 0.5))]
    shown = collect(rows, drop_labels=("provider", "endpoint_id"), max_endpoints=1).shown
    assert shown["requests"] == {("big",): 3.0, ("other",): 6.0}


FREE: dict[str, Any] = {"usage": 0, "byok_usage_inference": 0}


def test_free_models_are_folded_by_requests() -> None:
    """They cost nothing: the busiest stay, whatever their names and the order of the rows."""
    rows = [row(endpoint=name, requests=requests, **FREE) for name, requests in (("a", 1), ("b", 900), ("c", 30))]
    assert set(collect(rows, max_endpoints=2).shown["requests"]) == {key("b"), key("c"), OTHER}
    assert set(collect(rows[::-1], max_endpoints=1).shown["requests"]) == {key("b"), OTHER}


def test_free_models_with_as_many_requests_are_folded_by_name() -> None:
    """Any order would do, as long as it is the same at every poll."""
    rows = [row(endpoint=name, requests=5, **FREE) for name in "cab"]
    for order in (rows, rows[::-1]):
        assert set(collect(order, max_endpoints=2).shown["requests"]) == {key("a"), key("b"), OTHER}


def test_refunds_rank_last() -> None:
    """A negative amount is not a large one."""
    rows = [row(endpoint="refund", usage=-9.0, byok_usage_inference=0), row(endpoint="small", **FREE)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("small"), OTHER}
