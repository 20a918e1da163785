"""Fields of a JSON object as the API really sends them: absent, null, numbers as text. None is always "not said"."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from exporter.api.activity_rows import LARGEST_NUMBER, as_number

LONGEST_TEXT = 512

FieldReason = Literal["invalid_text", "invalid_number", "negative_number", "invalid_flag", "invalid_time"]


class UnusableError(ValueError):
    """A field holds what can't be what it should be. `reason` is the label that this is counted under."""

    def __init__(self, reason: FieldReason, name: str) -> None:
        super().__init__(f"{reason} in {name}")
        self.reason = reason


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a field's text."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or _is_broken(value):
        raise UnusableError("invalid_text", name)
    return value


def number(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a field's number, which can't be below 0."""
    found = signed(fields, name)
    if found is not None and found < 0:
        raise UnusableError("negative_number", name)
    return found


def signed(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a field's number; what remains of a limit is below 0 once it was overrun."""
    value = fields.get(name)
    if value is None:
        return None
    found = as_number(value)
    if math.isnan(found) or abs(found) > LARGEST_NUMBER:
        raise UnusableError("invalid_number", name)
    return found


def flag(fields: Mapping[str, Any], name: str) -> bool | None:
    """Return a field that is true or false."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise UnusableError("invalid_flag", name)


def moment(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a field's moment as Unix time; without a zone it is UTC."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise UnusableError("invalid_time", name) from None


def _is_broken(value: str) -> bool:
    """Return whether text can't be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False
