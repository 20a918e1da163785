from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("1ms", 0.001),
        ("500ms", 0.5),
        ("60s", 60.0),
        ("15m", 900.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("2w", 1209600.0),
        ("1y", 31536000.0),
        ("1y2w3d4h5m6s7ms", 33019506.007),
    ],
)
def test_duration_is_parsed_as_in_prometheus(text: str, seconds: float) -> None:
    """A year has 365 days."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a whole number and one of the units"),
        ("30", "write the unit: 30s, 30m, 30h"),
        ("1.5h", "use whole numbers"),
        ("30m1h", "from large to small"),
        ("1h1h", "at most once"),
        ("-1s", "a whole number and one of the units"),
        ("1 h", "a whole number and one of the units"),
        ("1H", "a whole number and one of the units"),
        ("\u0661s", "a whole number and one of the units"),
        ("9" * 5000 + "s", "a whole number and one of the units"),
        ("1s\n", "a whole number and one of the units"),
    ],
)
def test_invalid_duration_is_rejected_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.001, "1ms"), (90, "1m30s"), (86400, "1d"), (604800, "1w"), (2592000, "30d"), (31536000, "1y")],
)
def test_duration_is_formatted_in_the_largest_exact_units(seconds: float, text: str) -> None:
    """Weeks and years appear only if nothing is left over."""
    assert text == format_duration(seconds)


@given(st.integers(0, 10**12))
def test_formatted_duration_is_parsed_to_the_millisecond(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert seconds == parse_duration(format_duration(seconds))


@pytest.mark.parametrize(("text", "size"), [("0B", 0), ("512B", 512), ("64KiB", 65536), ("1GiB", 1073741824)])
def test_size_is_parsed_in_bytes(text: str, size: int) -> None:
    assert size == parse_size(text)


@pytest.mark.parametrize("text", ["", "64", "64MB", "64M", "1.5MiB", "-1B", "64 MiB", "9" * 5000 + "B"])
def test_size_without_a_binary_unit_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        parse_size(text)


@given(st.integers(0, 2**49))
def test_formatted_size_is_parsed_to_the_byte(size: int) -> None:
    assert size == parse_size(format_size(size))
