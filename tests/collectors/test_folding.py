"""Endpoints beyond `max_endpoints` are folded into `other`, totals stay right, and models can be filtered."""

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
def test_largest_endpoints_are_kept_and_other_is_the_rest(uses: list[tuple[int, str, int, str]], most: int) -> None:
    """The order is by spend over all days, then by requests, then by name."""
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
def test_each_workspace_has_its_own_other(uses: list[tuple[int, str, int, str]], most: int) -> None:
    """Totals per workspace stay right."""
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


def test_nothing_is_folded_up_to_max_endpoints() -> None:
    polled = collect([row(endpoint=name) for name in "abc"], max_endpoints=3)
    assert set(polled.shown["requests"]) == {key("a"), key("b"), key("c")}
    assert polled.collected.summary.folded == 0


def test_byok_usage_counts_towards_the_order_of_endpoints() -> None:
    """An endpoint that is paid with an own provider key may be a large one."""
    rows = [row(endpoint="own", usage=0, byok_usage_inference=9), row(endpoint="paid", usage=5, byok_usage_inference=0)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("own"), OTHER}


def test_endpoints_with_equal_spend_are_ordered_by_requests_and_name() -> None:
    rows = [row(endpoint=name, usage=1.0, requests=requests) for name, requests in (("a", 1), ("b", 9), ("c", 9))]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("b"), OTHER}


def test_endpoint_with_unknown_spend_is_ordered_as_spending_nothing() -> None:
    rows = [row(endpoint="unknown", usage=..., byok_usage_inference=...), row(endpoint="known", usage=0.5)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("known"), OTHER}


def test_endpoint_named_other_is_merged_into_other() -> None:
    """The series stays unique and the total right, and endpoint_info does not list it."""
    real = row(endpoint="other", model="other", provider_name="other", usage=100.0, requests=7)
    polled = collect([real, *(row(endpoint=name, usage=1.0) for name in "abc")], max_endpoints=2)
    assert polled.shown["requests"] == {OTHER: 7.0 + 2 * 3.0, key("a"): 3.0}
    assert {labels[0] for labels in polled.shown["endpoint_info"]} == {"a"}


def test_small_endpoint_named_other_is_folded_like_any_other() -> None:
    real = row(endpoint="other", model="other", provider_name="other", usage=0.5, requests=7)
    polled = collect([real, *(row(endpoint=name, usage=1.0) for name in "abc")], max_endpoints=2)
    assert polled.shown["requests"] == {OTHER: 10.0, key("a"): 3.0, key("b"): 3.0}


def test_other_is_absent_where_a_folded_endpoint_has_no_value() -> None:
    """Its sum is unknown. Values that all folded endpoints have are summed."""
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
def test_include_and_exclude_match_whole_model_names(settings_: dict[str, Any], expected: set[str]) -> None:
    """`exclude` takes precedence."""
    rows = [row(model=name) for name in ("acme/one", "acme/one:free", "umbrella/two")]
    patterns: dict[str, Any] = {name: tuple(map(re.compile, texts)) for name, texts in settings_.items()}
    assert {labels[0] for labels in collect(rows, **patterns).shown["requests"]} == expected


def test_rows_of_excluded_models_show_that_the_day_has_data() -> None:
    """The other models then have 0 on that day."""
    rows = [row(ago(1), model="acme/hidden"), row(ago(2))]
    polled = collect(rows, exclude=(re.compile("acme/hidden"),), empty_day_after=86400.0)
    assert polled.shown["requests"] == {key("e1"): 0.0}


def test_dropped_labels_are_dropped_from_every_family_and_from_other() -> None:
    rows = [row(endpoint="e1", model=name, usage=spend) for name, spend in (("big", 2), ("small", 1), ("tiny", 0.5))]
    shown = collect(rows, drop_labels=("provider", "endpoint_id"), max_endpoints=1).shown
    assert shown["requests"] == {("big",): 3.0, ("other",): 6.0}


FREE: dict[str, Any] = {"usage": 0, "byok_usage_inference": 0}


def test_free_models_are_folded_by_requests() -> None:
    """Their spend is equal, so those with most requests are kept in any order of rows and names."""
    rows = [row(endpoint=name, requests=requests, **FREE) for name, requests in (("a", 1), ("b", 900), ("c", 30))]
    assert set(collect(rows, max_endpoints=2).shown["requests"]) == {key("b"), key("c"), OTHER}
    assert set(collect(rows[::-1], max_endpoints=1).shown["requests"]) == {key("b"), OTHER}


def test_free_models_with_equal_requests_are_folded_by_name() -> None:
    """The order must only be the same in every poll."""
    rows = [row(endpoint=name, requests=5, **FREE) for name in "cab"]
    for order in (rows, rows[::-1]):
        assert set(collect(order, max_endpoints=2).shown["requests"]) == {key("a"), key("b"), OTHER}


def test_endpoints_with_negative_spend_are_folded_first() -> None:
    rows = [row(endpoint="refund", usage=-9.0, byok_usage_inference=0), row(endpoint="small", **FREE)]
    assert set(collect(rows, max_endpoints=1).shown["requests"]) == {key("small"), OTHER}
