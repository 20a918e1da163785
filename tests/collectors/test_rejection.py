"""Rows and fields that cannot be used: each is counted by its reason, and none affects another."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.activity_rows import REJECTION_REASONS, RejectionReason
from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.errors import InvalidResponse
from tests.collectors.helpers import FIELDS, UNHURRIED, FixedClient, ago, body, collect, poll, response_of, row

UNUSABLE: list[tuple[RejectionReason, Any]] = [
    ("not_an_object", 7),
    ("not_an_object", None),
    ("not_an_object", "row"),
    ("not_an_object", []),
    ("missing_date", {}),
    ("missing_date", row(date=None)),
    ("invalid_date", row("yesterday")),
    ("invalid_date", row(date=20260822)),
    ("invalid_date", row("2026-02-30")),
    ("future_date", row(ago(-1))),
    ("future_date", row("9999-12-31")),
    ("old_date", row(ago(33))),
    ("old_date", row("0001-01-01")),
    ("missing_model", row(model=..., model_permaslug=...)),
    ("missing_model", row(model="", model_permaslug=None)),
    ("missing_numbers", {"date": ago(1), "model": "acme/one"}),
    ("missing_numbers", {"date": ago(1), "model": "acme/one", "usage": None, "requests": None}),
]

UNREADABLE: list[tuple[str, Any]] = [
    ("usage", "much"),
    ("usage", float("nan")),
    ("usage", float("inf")),
    ("usage", float("-inf")),
    ("usage", 1.1e15),
    ("usage", "nan"),
    ("byok_usage_inference", {}),
    ("requests", True),
    ("requests", [3]),
    ("requests", "-1"),
    ("prompt_tokens", 10**400),
    ("cached_tokens", -1),
    ("model", 5),
    ("model_permaslug", {}),
    ("provider_name", ["Acme"]),
    ("provider_name", "x" * 513),
    ("endpoint_id", "\ud800"),
    ("workspace_id", 7),
]
MONEY = ("usage", "byok_usage_inference")

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(("reason", "bad"), UNUSABLE)
def test_invalid_row_is_counted_by_its_reason(reason: RejectionReason, bad: Any) -> None:
    """The rows around it are published as if it were not there."""
    good = [row(endpoint="before"), row(endpoint="after")]
    polled = collect([good[0], bad, good[1]])
    assert polled.rejected == {reason: 1}
    assert polled.shown == collect(good).shown


@pytest.mark.parametrize(("field", "value"), UNREADABLE)
def test_unreadable_field_is_absent_and_counted(field: str, value: Any) -> None:
    """Every other number of the row is published."""
    polled = collect([row(endpoint="good"), row(endpoint="odd") | {field: value}])
    assert ({}, {field: 1}) == (polled.rejected, dict(polled.rejections.unreadable))
    assert polled.rejections.missing == (field in MONEY)
    for family, name in FIELDS.items():
        published = sum(polled.shown[family].values())
        assert published == row()[name] * (1 if name == field else 2)


def test_model_with_an_unreadable_name_is_published_by_its_permaslug() -> None:
    assert {("acme/one-2026", "Acme", "e1"): 1.0} == collect([row(model="x" * 513)]).shown["usage_usd"]


def test_negative_usage_is_published() -> None:
    """It is a refund or a correction."""
    assert {("acme/one", "Acme", "e1"): -0.25} == collect([row(usage=-0.25)]).shown["usage_usd"]


def test_unreadable_fields_are_counted_by_each_poll() -> None:
    """This holds even if the same bytes are not decoded again."""
    collector, received = ActivityCollector("default", ActivitySettings()), response_of([row(cached_tokens=-1)])
    first = poll(collector, received)
    second = poll(collector, received, memory=first.memory)
    assert {"cached_tokens": 1} == dict(second.rejections.unreadable) == dict(first.rejections.unreadable)


def test_every_rejection_reason_is_tested() -> None:
    assert {"duplicate", *(reason for reason, _ in UNUSABLE)} == set(REJECTION_REASONS)
    assert set(REJECTION_REASONS) == set(get_args(RejectionReason))
    assert ActivityCollector("default", ActivitySettings()).rejection_reasons == REJECTION_REASONS


def test_three_rejected_rows_are_kept_as_short_lines() -> None:
    polled = collect([row(), *(row("x" * 500, f"e{number}") for number in range(1000))])
    assert polled.rejected == {"invalid_date": 1000}
    assert len(polled.rejections.sample) == 3
    assert all(len(line) < 400 and line.startswith("invalid_date: ") for line in polled.rejections.sample)


@UNHURRIED
@given(st.lists(json_values, max_size=5), st.integers(0, 2))
def test_any_json_in_place_of_a_row_is_rejected_and_counted(values: list[Any], index: int) -> None:
    good = [row(endpoint=name) for name in "ab"]
    polled = collect([*good[:index], *values, *good[index:]])
    assert sum(polled.rejected.values()) == len(values)
    assert polled.shown == collect(good).shown


@UNHURRIED
@given(st.sampled_from(list(row())), json_values)
def test_any_json_in_a_field_affects_only_its_row(field: str, value: Any) -> None:
    good_rows = [row(endpoint="good"), row(endpoint="good", requests=4)]
    polled = collect([good_rows[0], row(endpoint="odd") | {field: value}, good_rows[1]])
    good = {name: family.get(("acme/one", "Acme", "good")) for name, family in polled.shown.items()}
    alone = collect(good_rows).shown
    assert sum(polled.rejected.values()) <= 1
    for name, family in alone.items():
        if name not in ("day_timestamp_seconds", "endpoint_info"):
            assert good[name] == family["acme/one", "Acme", "good"]


def test_response_without_a_valid_row_is_an_invalid_response() -> None:
    """Publishing nothing would look like no usage. The last values stay."""
    client = FixedClient(response_of([row(model=..., model_permaslug=...), 7]))
    with pytest.raises(InvalidResponse, match="none of the rows is usable, such as "):
        poll(ActivityCollector("default", ActivitySettings()), response_of([]), client=client)
    assert [error.status_class for error in client.failures] == ["invalid_response"]


def test_account_without_usage_publishes_only_the_day() -> None:
    """The API returns an empty list for it."""
    shown = collect([]).shown
    assert set(shown) > {"usage_usd", "30d_requests", "day_timestamp_seconds"}
    assert {name: family for name, family in shown.items() if family} == {
        "day_timestamp_seconds": shown["day_timestamp_seconds"]
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"rows": []}',
        b"<html>",
        b'{"data": [',
        b'{"data": 7}',
    ],
)
def test_body_without_a_list_is_an_invalid_response(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        poll(ActivityCollector("default", ActivitySettings()), response_of(content))


@pytest.mark.parametrize("day", [ago(0), ago(31), ago(32)])
def test_rows_of_today_and_of_just_before_the_window_are_not_rejected(day: str) -> None:
    """They are not published either."""
    polled = collect([row(day, requests=1000), row()])
    assert polled.rejected == {}
    assert polled.shown["30d_requests"] == {("acme/one", "Acme", "e1"): 3.0}


@pytest.mark.parametrize("unused", [row(ago(0), "new"), row(ago(-1), "new"), {"date": ago(1), "model": "new"}])
def test_endpoint_with_only_unused_rows_has_no_series(unused: Any) -> None:
    """A 0 would claim something that the API did not report."""
    assert collect([row(), unused]).shown == collect([row()]).shown


def test_endpoint_with_one_used_row_has_series() -> None:
    rows = [row(ago(0), "new"), row(ago(-1), "new"), row(ago(3), "new"), row(ago(0), "new")]
    assert collect(rows).shown["7d_requests"] == {("acme/one", "Acme", "new"): 3.0}


def test_rejected_rows_are_counted_by_each_poll() -> None:
    """This holds even if the same bytes are not decoded again."""
    collector, received = ActivityCollector("default", ActivitySettings()), response_of([row(), 7, 8])
    first = poll(collector, received)
    second = poll(collector, received, memory=first.memory)
    third = poll(collector, received, memory=second.memory)
    assert [polled.rejected for polled in (first, second, third)] == [{"not_an_object": 2}] * 3
    assert second.collected.snapshot is None


def test_invalid_rows_of_a_large_body_are_rejected_alone() -> None:
    """Such a body is read in pieces, and cuts may fall anywhere."""
    good = [row(ago(1 + number % 30), f"e{number % 50}", usage=float(number)) for number in range(3000)]
    rows = [
        bad for number, good_row in enumerate(good) for bad in ((good_row, 7) if number % 500 == 0 else (good_row,))
    ]
    polled = collect(rows)
    assert polled.rejected == {"not_an_object": 6}
    assert sum(polled.shown["30d_requests"].values()) == 9000.0
    assert len(body(rows)) > 500_000


def test_very_large_integer_is_unreadable_and_raises_nothing() -> None:
    """JSON has no limit for integers."""
    content = (
        json.dumps({"data": [row()]}).encode().replace(b"]", b', {"date": "2026-08-22", "usage": 1%b}]' % (b"0" * 5000))
    )
    assert poll(ActivityCollector("default", ActivitySettings()), response_of(content)).rejected == {"missing_model": 1}
