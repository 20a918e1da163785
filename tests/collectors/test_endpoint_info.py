"""`endpoint_info`: one series per endpoint, or joins on it would fail."""

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


def test_it_names_every_endpoint() -> None:
    """endpoint_id, model, model_permaslug, provider; the value is 1."""
    assert info([row(), row(ago(9), "e2", model_permaslug="acme/one-2025")]) == {
        ("e1", "acme/one", "acme/one-2026", "Acme"): 1.0,
        ("e2", "acme/one", "acme/one-2025", "Acme"): 1.0,
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_permaslug_is_the_name(order: tuple[int, ...]) -> None:
    """A model that was renamed is one series, whatever the order of the rows or of the alphabet."""
    rows = [
        row(ago(9), model_permaslug="acme/z"),
        row(ago(2), model_permaslug="acme/a"),
        row(ago(5), model_permaslug="acme/m"),
    ]
    assert info([rows[number] for number in order]) == {("e1", "acme/one", "acme/a", "Acme"): 1.0}


def test_a_row_without_a_permaslug_does_not_take_it_away() -> None:
    """The latest that was said is kept."""
    assert info([row(ago(1), model_permaslug=...), row(ago(2))]) == {("e1", "acme/one", "acme/one-2026", "Acme"): 1.0}


def test_two_permaslugs_on_one_day_are_one_name() -> None:
    """The same one whatever the order."""
    rows = [row(model_permaslug=name) for name in ("acme/a", "acme/b")]
    assert info(rows) == info(rows[::-1]) == {("e1", "acme/one", "acme/b", "Acme"): 1.0}


def test_workspaces_share_their_endpoints_name() -> None:
    """One series for all of them, with the latest permaslug of any."""
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
def test_dropped_labels_are_dropped_here_too(dropped: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """The permaslug goes with the model."""
    assert info([row()], drop_labels=dropped) == {labels: 1.0}


@UNHURRIED
@given(rows_of_few, drops, st.sampled_from(["none", "workspace"]), st.integers(1, 4))
def test_every_published_series_has_one_name(
    rows: list[dict[str, Any]], dropped: tuple[str, ...], split: str, most: int
) -> None:
    """Joined on its labels, each gauge but `other` meets exactly one series."""
    shown = collect(rows, drop_labels=dropped, split_by=split, max_endpoints=most).shown
    labels = [name for name in ("model", "provider", "endpoint_id") if name not in dropped]
    published = {key[: len(labels)] for key in shown["requests"]} - {("other",) * len(labels)}
    order = ["endpoint_id", "model", "model_permaslug", "provider"]
    names = [name for name in order if name in labels or (name == "model_permaslug" and "model" in labels)]
    named = Counter(tuple(key[names.index(label)] for label in labels) for key in shown["endpoint_info"])
    assert named == Counter(dict.fromkeys(published, 1))


def test_a_name_that_left_the_window_is_kept_with_its_day() -> None:
    """See the carried-over days: they bring their endpoints' names."""
    assert info([row(ago(30))]) == {("e1", "acme/one", "acme/one-2026", "Acme"): 1.0}
