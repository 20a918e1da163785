"""Types of options: functions from text to a value that raise ValueError with what they expected."""

from __future__ import annotations

import re
from datetime import date

from exporter.config.units import parse_duration

SHORTEST_STEP, LONGEST_STEP = 1.0, 86_400.0


def duration(text: str) -> float:
    """Return the seconds of a duration such as `10s`."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"expected a duration such as 10s, got {text!r} ({error})") from None


def whole_number(text: str) -> int:
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None


def at_least_one(text: str) -> int:
    """Return a whole number that is not below 1."""
    number = whole_number(text)
    if number < 1:
        raise ValueError(f"expected a whole number of at least 1, got {text!r}")
    return number


def day(text: str) -> date:
    """Return a UTC day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a UTC day such as 2026-11-01, got {text!r}") from None


def label(text: str) -> tuple[str, str]:
    """Return the name and value of a label that Prometheus accepts."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", name) or not value:
        raise ValueError(f"expected NAME=VALUE such as job=openrouter, got {text!r}")
    return name, value


def allocation_label(text: str) -> str:
    """Return the name of a label for `allocations.labels`."""
    if not re.fullmatch("_?[a-zA-Z][a-zA-Z0-9_]*", text):
        raise ValueError(f"expected a label such as cost_center, got {text!r}")
    return text


def step(text: str) -> float:
    """Return the seconds between two samples."""
    seconds = duration(text)
    if seconds != int(seconds) or not SHORTEST_STEP <= seconds <= LONGEST_STEP:
        raise ValueError(f"expected whole seconds, from 1s to 1d, got {text!r}")
    return seconds


def shard_index(text: str) -> int:
    """Return a shard's index: a number, or the one that a name such as `exporter-0` ends in."""
    ordinal = re.search(r"(?:^|[^-]-)([0-9]{1,9})$", text)
    if ordinal is None:
        raise ValueError(f"expected a whole number, or a name that ends in one, such as exporter-0, got {text!r}")
    return int(ordinal[1])
