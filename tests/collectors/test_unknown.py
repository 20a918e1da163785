"""A number that the API does not report is absent from the scrape, never 0; one that it reports as 0 is there."""

from __future__ import annotations

import re

import pytest

from tests.collectors.helpers import FIELDS, ago, collect, row
from tests.exposition.helpers import rendered

E1, E2 = ("acme/one", "Acme", "e1"), ("acme/one", "Acme", "e2")


@pytest.mark.parametrize("missing", [..., None])
def test_byok_requests_that_no_row_reports_have_no_series(missing: object) -> None:
    """The field is not documented; in windows neither."""
    rows = [row(ago(9), byok_requests=missing), row(endpoint="e2", byok_requests=missing)]
    families = {name: family for name, family in collect(rows).shown.items() if name.endswith("byok_requests")}
    assert set(families) == {f"{window}byok_requests" for window in ("", "7d_", "30d_", "month_to_date_")}
    assert set(map(len, families.values())) == {0}


def test_byok_requests_of_rows_that_carry_them() -> None:
    """An endpoint of which a row lacks them has none: a part would look like all."""
    rows = [row(), row(endpoint="e2", byok_requests=2), row(endpoint="e2", byok_requests=..., usage=2.0)]
    assert collect(rows).shown["byok_requests"] == {E1: 8.0}


@pytest.mark.parametrize("missing", [..., None])
def test_cached_tokens_that_no_row_reports_have_no_series(missing: object) -> None:
    """In no window, also not for endpoints without use in it; all else is there."""
    shown = collect([row(ago(9), cached_tokens=missing), row(endpoint="e2", cached_tokens=missing)]).shown
    assert {name: family for name, family in shown.items() if "cached" in name} == {
        "cached_tokens": {},
        "7d_cached_tokens": {},
        "30d_cached_tokens": {},
        "month_to_date_cached_tokens": {},
    }
    assert shown["prompt_tokens"] == {E1: 0.0, E2: 4.0}


def test_an_unknown_part_makes_a_sum_unknown() -> None:
    """Each window by itself: the endpoint is absent where a row of it said nothing, the others are there."""
    shown = collect([row(ago(1)), row(ago(9), cached_tokens=...), row(ago(9), "e2")]).shown
    assert shown["cached_tokens"] == {E1: 7.0, E2: 0.0}
    assert shown["7d_cached_tokens"] == {E1: 7.0, E2: 0.0}
    assert shown["30d_cached_tokens"] == {E2: 7.0}


def test_no_use_is_0_where_the_api_reports_the_number_at_all() -> None:
    """Though the only day on which it is reported has no known sum."""
    rows = [row(ago(9)), row(ago(9), cached_tokens=...)]
    assert collect(rows).shown["cached_tokens"] == {E1: 0.0}
    assert collect(rows).shown["30d_cached_tokens"] == {}


@pytest.mark.parametrize(("measure", "field"), FIELDS.items())
def test_any_number_may_be_missing(field: str, measure: str) -> None:
    """It alone is absent."""
    shown = collect([row() | {field: None}]).shown
    assert {name for name in FIELDS if not shown[name]} == {measure}


@pytest.mark.parametrize(("measure", "field"), FIELDS.items())
def test_one_number_is_enough(field: str, measure: str) -> None:
    """A row with a date, a model and one number is usable."""
    polled = collect([{"date": ago(1), "model": "acme/one", field: 0}])
    assert polled.rejected == {}
    assert {name: family for name, family in polled.shown.items() if name in FIELDS and family} == {
        measure: {("acme/one", "", ""): 0.0}
    }


def test_absent_series_are_not_counted_as_shown() -> None:
    """Eight measures in four windows less one in each, the day, and the endpoint's names."""
    snapshot = collect([row(cached_tokens=...)]).collected.snapshot
    assert snapshot is not None
    assert sum(family.series for family in rendered(snapshot).values()) == 4 * 7 + 2


ALONE = {"date": ago(1), "model": "acme/one", "provider_name": "Acme", "endpoint_id": "e1"}


@pytest.mark.parametrize("lost", [ALONE, ALONE | {"usage": "much"}])
def test_a_row_without_any_number_makes_its_own_sums_unknown(lost: dict[str, object]) -> None:
    """A sum of the endpoint's other rows would look whole; other endpoints are as they were."""
    polled = collect([row(usage=173.55), lost, row(endpoint="e2", usage=232.90)])
    assert polled.shown["usage_usd"] == {E2: 232.90}
    assert ({"missing_numbers": 1}, 1) == (polled.rejected, polled.rejections.missing)


@pytest.mark.parametrize("field", ["usage", "byok_usage_inference"])
def test_a_row_without_an_amount_counts_as_one_that_totals_lack(field: str) -> None:
    """Its series is absent, so a sum over the account is only a part, and a gauge says so."""
    polled = collect([row(), row(endpoint="e2") | {field: None}])
    assert ({}, 1) == (polled.rejected, polled.rejections.missing)
    assert set(polled.shown["requests"]) == {E1, E2}


def test_an_amount_that_no_row_reports_is_not_lacking() -> None:
    """The API may not have the field at all."""
    assert (
        collect([row(byok_usage_inference=...), row(endpoint="e2", byok_usage_inference=None)]).rejections.missing == 0
    )


def test_an_excluded_model_without_an_amount_is_not_lacking() -> None:
    """It belongs to no total."""
    assert (
        collect([row(), row(model="acme/two", usage=None)], include=(re.compile("acme/one"),)).rejections.missing == 0
    )
