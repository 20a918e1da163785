"""Durations, times and money on the landing page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.web.page.formatting import moment, span, usd
from tests.support import NOON


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.2504, "250 ms"),
        (1.25, "1.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86400, "1 d"),
        (183_600, "2 d 3 h"),
    ],
)
def test_duration_has_at_most_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "now"), (-130, "2 min ago"), (45, "in 45 s"), (-9000, "2 h 30 min ago")]
)
def test_times_are_relative_to_now(seconds: float, words: str) -> None:
    """They are rounded, and the title has the exact time."""
    assert f">{words}</time>" in moment(NOON + timedelta(seconds=seconds), NOON)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "$0.00"),
        (0.00001, "under $0.0001"),
        (0.0042, "$0.0042"),
        (0.1234, "$0.123"),
        (1234.5, "$1,234.50"),
        (-2.5, "\N{MINUS SIGN}$2.50"),
        (-417.0, "\N{MINUS SIGN}$417.00"),
        (-0.0042, "\N{MINUS SIGN}$0.0042"),
        (-0.00001, "over \N{MINUS SIGN}$0.0001"),
        (-0.0, "$0.00"),
    ],
)
def test_small_amount_is_not_shown_as_zero(amount: float, words: str) -> None:
    assert usd(amount) == words
