"""Rows of `GET /keys`: which forms of a value are read, and what is rejected or absent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.collectors.keys import KeysCollector
from exporter.errors import InvalidResponse
from tests.collectors.balances import key
from tests.collectors.key_polls import of, read, shown


@pytest.mark.parametrize("nothing", [None, ...])
@pytest.mark.parametrize(
    ("field", "family"),
    [
        ("limit", "limit_usd"),
        ("limit_remaining", "limit_remaining_usd"),
        ("usage_weekly", "usage_week_usd"),
        ("byok_usage", "byok_usage_usd"),
        ("disabled", "disabled"),
        ("expires_at", "expires_timestamp_seconds"),
        ("last_used_at", "last_used_timestamp_seconds"),
    ],
)
def test_null_and_missing_fields_have_no_series(field: str, family: str, nothing: object) -> None:
    """0 would be wrong, and the key's other values are published."""
    families = shown(read(key("a", **{field: nothing})))
    assert families[family] == {}
    assert families["usage_usd"] == {of("a"): 4.0}


@pytest.mark.parametrize("written", ["2026-09-01T00:00:00.000Z", "2026-09-01T00:00:00+00:00", "2026-09-01 00:00:00"])
def test_times_are_published_as_unix_time(written: str) -> None:
    families = shown(read(key("a", expires_at=written, last_used_at=written)))
    expected = {of("a"): datetime(2026, 9, 1, tzinfo=UTC).timestamp()}
    assert (families["expires_timestamp_seconds"], families["last_used_timestamp_seconds"]) == (expected, expected)


def test_numbers_may_be_text() -> None:
    """Other responses of the API have numbers as strings too."""
    families = shown(read(key("a", usage="1.5", limit="10", limit_remaining="-2")))
    assert (families["usage_usd"][of("a")], families["limit_used_usd"][of("a")]) == (1.5, 12.0)


def test_other_is_absent_where_a_folded_key_has_no_value() -> None:
    """Its sum would be too small."""
    rows = [key("large", usage_monthly=5.0), key("a", usage=1), key("b", usage=1, usage_daily=None)]
    families = shown(read(*rows, max_keys=1))
    assert families["usage_usd"][("other",)] == 2.0
    assert ("other",) not in families["usage_today_usd"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "not_an_object"),
        ("text", "not_an_object"),
        (key("x", hash=None), "missing_hash"),
        (key("x", hash=...), "missing_hash"),
        (key("x", hash=5), "invalid_hash"),
        (key("x", hash="other"), "invalid_hash"),
        (key("x", hash=""), "invalid_hash"),
    ],
)
def test_invalid_row_is_rejected_alone(row: object, reason: str) -> None:
    result = read(row, key("a"))
    assert result.rejected == {reason: 1}
    assert shown(result)["usage_usd"] == {of("a"): 4.0}
    assert reason in KeysCollector.rejection_reasons


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", "long" * 200),
        ("label", "\ud800"),
        ("workspace_id", 7),
        ("usage_daily", "much"),
        ("usage_daily", True),
        ("usage_daily", float("nan")),
        ("limit_remaining", float("-inf")),
        ("disabled", "no"),
        ("disabled", 2),
        ("expires_at", "soon"),
        ("expires_at", ""),
        ("last_used_at", -5),
        ("last_used_at", True),
    ],
)
def test_unreadable_field_is_absent_and_counted(field: str, value: object) -> None:
    """The key's usage is still published."""
    result = read(key("x", **{field: value}), key("a"))
    assert ({}, {field: 1}) == (result.rejected, dict(result.rejections.unreadable))
    assert {of("a"): 4.0, of("x"): 4.0} == shown(result)["usage_usd"]


@pytest.mark.parametrize(
    "written",
    [
        1785542400,
        1785542400.0,
        1785542400000,
        "1785542400",
        "2026-08-01T00:00:00.000Z",
        "2026-08-01t00:00:00z",
        "2026-08-01 00:00:00 UTC",
        "2026-08-01T02:00:00+02:00",
        "2026-08-01 00:00:00",
        "2026-08-01",
    ],
)
def test_times_may_be_iso_8601_rfc_3339_or_unix_time(written: object) -> None:
    """Unix time may be in seconds or milliseconds."""
    result = read(key("a", last_used_at=written))
    assert {of("a"): 1785542400.0} == shown(result)["last_used_timestamp_seconds"]


@pytest.mark.parametrize(
    ("written", "value"), [(0, 0.0), (1, 1.0), ("false", 0.0), ("True", 1.0), (False, 0.0), (True, 1.0)]
)
def test_booleans_may_be_numbers_or_text(written: object, value: float) -> None:
    assert {of("a"): value} == shown(read(key("a", disabled=written)))["disabled"]


def test_negative_amounts_are_published() -> None:
    """They are refunds or corrections."""
    assert {of("a"): -0.25} == shown(read(key("a", usage_daily=-0.25)))["usage_today_usd"]


def test_limit_of_minus_1_is_absent() -> None:
    """The API uses it for no limit. The remainder of a real limit may be -1."""
    families = shown(read(key("a", limit=-1, limit_remaining=-1), key("b", limit=5, limit_remaining=-1)))
    assert ({of("b"): 5.0}, {of("b"): -1.0}) == (families["limit_usd"], families["limit_remaining_usd"])


def test_poll_fails_if_all_rows_are_invalid() -> None:
    """It would look as if there were no keys."""
    with pytest.raises(InvalidResponse, match="none of the keys is usable, such as missing_hash"):
        read(key("x", hash=None))


def test_rejected_key_is_logged_without_names_of_people() -> None:
    people = {"name": "Ada's key", "external_user": "ada@example.com", "creator_user_id": "user_ada"}
    polled = read(key("a"), key("b", hash="zz", **people))
    (line,) = polled.rejections.sample
    assert line.startswith("invalid_hash: {'hash': 'zz', 'name': <text>, ")
    assert "ada" not in line.lower()


def test_keys_without_an_amount_count_as_missing_from_totals() -> None:
    """They do not if no key has that amount. Unchanged rows are counted again by each poll."""
    rows = [key("a"), key("b", usage_monthly=None), key("c", usage="much")]
    first = read(*rows)
    assert 2 == first.rejections.missing == read(*rows, memory=first.memory).rejections.missing
    assert 0 == read(key("a", byok_usage=None), key("b", byok_usage=...)).rejections.missing
