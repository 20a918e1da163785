"""A value that the API does not report is absent and never 0. A value that it reports as 0 is published."""

from __future__ import annotations

import re

import pytest

from tests.collectors.helpers import FIELDS, ago, collect, row
from tests.exposition.helpers import rendered

E1, E2 = ("acme/one", "Acme", "e1"), ("acme/one", "Acme", "e2")


@pytest.mark.parametrize("missing", [..., None])
def test_byok_requests_without_a_reporting_row_have_no_series(missing: object) -> None:
    """The field is undocumented. This holds for every window."""
    rows = [row(ago(9), byok_requests=missing), row(endpoint="e2", byok_requests=missing)]
    families = {name: family for name, family in collect(rows).shown.items() if name.endswith("byok_requests")}
    assert set(families) == {f"{window}byok_requests" for window in ("", "7d_", "30d_", "month_to_date_")}
    assert set(map(len, families.values())) == {0}


def test_byok_requests_are_published_for_endpoints_whose_rows_all_have_them() -> None:
    """A partial sum would look complete."""
    rows = [row(), row(endpoint="e2", byok_requests=2), row(endpoint="e2", byok_requests=..., usage=2.0)]
    assert collect(rows).shown["byok_requests"] == {E1: 8.0}


@pytest.mark.parametrize("missing", [..., None])
def test_cached_tokens_without_a_reporting_row_have_no_series(missing: object) -> None:
    """This holds for every window, and other families are published."""
    shown = collect([row(ago(9), cached_tokens=missing), row(endpoint="e2", cached_tokens=missing)]).shown
    assert {name: family for name, family in shown.items() if "cached" in name} == {
        "cached_tokens": {},
        "7d_cached_tokens": {},
        "30d_cached_tokens": {},
        "month_to_date_cached_tokens": {},
    }
    assert shown["prompt_tokens"] == {E1: 0.0, E2: 4.0}


def test_sum_with_an_unknown_part_is_absent_in_that_window() -> None:
    shown = collect([row(ago(1)), row(ago(9), cached_tokens=...), row(ago(9), "e2")]).shown
    assert shown["cached_tokens"] == {E1: 7.0, E2: 0.0}
    assert shown["7d_cached_tokens"] == {E1: 7.0, E2: 0.0}
    assert shown["30d_cached_tokens"] == {E2: 7.0}


def test_endpoint_without_usage_is_0_if_any_row_has_the_field() -> None:
    """This holds even if the only day with the field has no known sum."""
    rows = [row(ago(9)), row(ago(9), cached_tokens=...)]
    assert collect(rows).shown["cached_tokens"] == {E1: 0.0}
    assert collect(rows).shown["30d_cached_tokens"] == {}


@pytest.mark.parametrize(("measure", "field"), FIELDS.items())
def test_missing_number_makes_only_its_own_family_absent(field: str, measure: str) -> None:
    shown = collect([row() | {field: None}]).shown
    assert {name for name in FIELDS if not shown[name]} == {measure}


@pytest.mark.parametrize(("measure", "field"), FIELDS.items())
def test_row_with_a_date_a_model_and_one_number_is_published(field: str, measure: str) -> None:
    polled = collect([{"date": ago(1), "model": "acme/one", field: 0}])
    assert polled.rejected == {}
    assert {name: family for name, family in polled.shown.items() if name in FIELDS and family} == {
        measure: {("acme/one", "", ""): 0.0}
    }


def test_number_of_series_does_not_include_absent_ones() -> None:
    snapshot = collect([row(cached_tokens=...)]).collected.snapshot
    assert snapshot is not None
    assert sum(family.series for family in rendered(snapshot).values()) == 4 * 7 + 2


ALONE = {"date": ago(1), "model": "acme/one", "provider_name": "Acme", "endpoint_id": "e1"}


@pytest.mark.parametrize("lost", [ALONE, ALONE | {"usage": "much"}])
def test_row_without_any_number_makes_its_series_absent(lost: dict[str, object]) -> None:
    """The sum of the endpoint's other rows would look complete."""
    polled = collect([row(usage=173.55), lost, row(endpoint="e2", usage=232.90)])
    assert polled.shown["usage_usd"] == {E2: 232.90}
    assert ({"missing_numbers": 1}, 1) == (polled.rejected, polled.rejections.missing)


@pytest.mark.parametrize("field", ["usage", "byok_usage_inference"])
def test_row_without_an_amount_counts_as_missing_from_totals(field: str) -> None:
    """Its series is absent, so a sum over the account is partial, which a gauge reports."""
    polled = collect([row(), row(endpoint="e2") | {field: None}])
    assert ({}, 1) == (polled.rejected, polled.rejections.missing)
    assert set(polled.shown["requests"]) == {E1, E2}


def test_amount_that_no_row_has_does_not_count_as_missing() -> None:
    """The API may not have the field at all."""
    assert (
        collect([row(byok_usage_inference=...), row(endpoint="e2", byok_usage_inference=None)]).rejections.missing == 0
    )


def test_row_of_an_excluded_model_does_not_count_as_missing() -> None:
    """It belongs to no total."""
    assert (
        collect([row(), row(model="acme/two", usage=None)], include=(re.compile("acme/one"),)).rejections.missing == 0
    )
