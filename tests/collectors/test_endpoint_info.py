"""`endpoint_info` has one series per endpoint, because joins on it fail otherwise."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collectors.helpers import UNHURRIED, ago, collect, row

rows_of_few = st.lists(
    st.builds(
        row,
        st.integers(1, 30).map(ago),
        st.sampled_from(["e1", "e2"]),
        model=st.sampled_from(["acme/one", "acme/two"]),
        provider_name=st.sampled_from(["Acme", ...]),
        model_permaslug=st.sampled_from(["one-2025", "one-2026", "a", ...]),
        workspace_id=st.sampled_from(["w1", "w2"]),
    ),
    min_size=1,
    max_size=8,
)
drops = st.sets(st.sampled_from(["model", "provider", "endpoint_id"]), max_size=2).map(
    lambda labels: tuple(sorted(labels))
)


def info(rows: list[dict[str, Any]], **settings_: Any) -> dict[tuple[str, ...], float]:
    return collect(rows, **settings_).shown["endpoint_info"]


def test_every_endpoint_has_one_info_series() -> None:
    assert info([row(), row(ago(9), "e2", model_permaslug="acme/one-2025")]) == {
        ("e1", "acme/one", "acme/one-2026", "Acme"): 1.0,
        ("e2", "acme/one", "acme/one-2025", "Acme"): 1.0,
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_latest_permaslug_of_a_renamed_model_is_published(order: tuple[int, ...]) -> None:
    """The order of the rows and of the alphabet does not matter."""
    rows = [
        row(ago(9), model_permaslug="acme/z"),
        row(ago(2), model_permaslug="acme/a"),
        row(ago(5), model_permaslug="acme/m"),
    ]
    assert info([rows[number] for number in order]) == {("e1", "acme/one", "acme/a", "Acme"): 1.0}


def test_row_without_a_permaslug_keeps_the_last_known_one() -> None:
    assert info([row(ago(1), model_permaslug=...), row(ago(2))]) == {("e1", "acme/one", "acme/one-2026", "Acme"): 1.0}


def test_one_of_two_permaslugs_on_the_same_day_is_published() -> None:
    """It is the same one in any order of the rows."""
    rows = [row(model_permaslug=name) for name in ("acme/a", "acme/b")]
    assert info(rows) == info(rows[::-1]) == {("e1", "acme/one", "acme/b", "Acme"): 1.0}


def test_workspaces_share_one_info_series_per_endpoint() -> None:
    """It has the latest permaslug of any workspace."""
    rows = [
        row(ago(9), workspace_id="w1", model_permaslug="acme/z"),
        row(ago(2), workspace_id="w2", model_permaslug="acme/a"),
    ]
    assert info(rows, split_by="workspace") == {("e1", "acme/one", "acme/a", "Acme"): 1.0}


@pytest.mark.parametrize(
    ("dropped", "labels"),
    [
        (("endpoint_id",), ("acme/one", "acme/one-2026", "Acme")),
        (("model",), ("e1", "Acme")),
        (("provider",), ("e1", "acme/one", "acme/one-2026")),
        (("model", "provider"), ("e1",)),
    ],
)
def test_dropped_labels_are_dropped_from_endpoint_info(dropped: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """The permaslug is dropped with the model."""
    assert info([row()], drop_labels=dropped) == {labels: 1.0}


@UNHURRIED
@given(rows_of_few, drops, st.sampled_from(["none", "workspace"]), st.integers(1, 4))
def test_every_series_joins_exactly_one_info_series(
    rows: list[dict[str, Any]], dropped: tuple[str, ...], split: str, most: int
) -> None:
    """The only exception is `other`."""
    shown = collect(rows, drop_labels=dropped, split_by=split, max_endpoints=most).shown
    labels = [name for name in ("model", "provider", "endpoint_id") if name not in dropped]
    published = {key[: len(labels)] for key in shown["requests"]} - {("other",) * len(labels)}
    order = ["endpoint_id", "model", "model_permaslug", "provider"]
    names = [name for name in order if name in labels or (name == "model_permaslug" and "model" in labels)]
    named = Counter(tuple(key[names.index(label)] for label in labels) for key in shown["endpoint_info"])
    assert named == Counter(dict.fromkeys(published, 1))


def test_endpoint_of_the_oldest_day_has_an_info_series() -> None:
    """Days kept from earlier polls keep their endpoints' names."""
    assert info([row(ago(30))]) == {("e1", "acme/one", "acme/one-2026", "Acme"): 1.0}
