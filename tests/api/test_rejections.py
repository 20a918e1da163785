"""Rejected rows in the log: they show what was wrong, and never name a person."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from exporter.api.activity_rows import ActivityRow
from exporter.api.rejections import Rejections
from exporter.log import hide


def sample(row: object) -> str:
    rejections = Rejections()
    rejections.reject("why", row)
    (line,) = rejections.sample
    return line


def test_numbers_and_model_names_are_shown() -> None:
    row = {"date": "2026-13-01", "model": "acme/one", "usage": 1.5, "requests": 3, "cached": None, "free": True}
    assert (
        "why: {'date': '2026-13-01', 'model': 'acme/one', 'usage': 1.5, 'requests': 3, 'cached': None, 'free': True}"
    ) == sample(row)


@pytest.mark.parametrize(
    "row",
    [
        "Ada Lovelace",
        ["Ada Lovelace"],
        {"name": "Ada Lovelace", "external_user": "Ada Lovelace", "creator_user_id": "Ada Lovelace"},
        {"user": {"first_name": "Ada Lovelace"}, "hash": ["Ada Lovelace"], "model": {"name": "Ada Lovelace"}},
        msgspec.Raw(b'"Ada Lovelace"'),
        b"Ada Lovelace",
    ],
)
def test_text_that_may_name_a_person_is_not_shown(row: Any) -> None:
    assert "Ada" not in sample(row)
    assert "<" in sample(row)


def test_email_address_in_place_of_a_model_is_hidden() -> None:
    assert "why: {'model': '<e-mail>'}" == sample({"model": "ada@example.com"})


def test_api_key_in_place_of_a_model_is_hidden_as_a_whole() -> None:
    key = "a-key-of-a-gateway-" + "x" * 100
    hide(key)
    assert "why: {'model': '<secret>'}" == sample({"model": key})


def test_decoded_row_is_shown_by_its_fields() -> None:
    assert sample(ActivityRow(date="yesterday", usage=2.0)).startswith("why: {'date': 'yesterday', 'model': None, ")


@pytest.mark.parametrize(
    "row", [{"x": 10**5000}, {str(number): number for number in range(10_000)}, {"date": "x" * 10**6}]
)
def test_line_of_a_rejected_row_has_a_maximum_length(row: Any) -> None:
    assert len(sample(row)) < 350
