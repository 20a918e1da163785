"""Rows of `GET /activity` as the API really sends them, and what makes one unusable.

Two shapes of the same row: `Row` is what a typed decoder makes of a well-formed one at full speed; `lenient_row`
takes any JSON value and says why it can't be used. Whatever `Row` accepts, `lenient_row` reads alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec

# Far above any real day, and still exact as a float: sums can't overflow or lose tokens.
LARGEST_NUMBER = 1e15

Number = Annotated[float, msgspec.Meta(ge=0, le=LARGEST_NUMBER)]

RejectionReason = Literal[
    "not_an_object",
    "missing_date",
    "invalid_date",
    "future_date",
    "old_date",
    "missing_model",
    "missing_numbers",
    "invalid_number",
    "negative_number",
    "invalid_text",
]
REJECTION_REASONS: tuple[RejectionReason, ...] = get_args(RejectionReason)

_TEXT_FIELDS = ("date", "model", "model_permaslug", "endpoint_id", "provider_name", "workspace_id")
_NUMBER_FIELDS = (
    "usage",
    "byok_usage_inference",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
)
_NUMBER_TEXT = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII)


class ActivityRow(msgspec.Struct, gc=False):
    """One row: what one endpoint did on one UTC day. None is "not said", never 0."""

    date: str
    model: str | None = None
    model_permaslug: str | None = None
    endpoint_id: str | None = None
    provider_name: str | None = None
    workspace_id: str | None = None
    usage: Number | None = None
    byok_usage_inference: Number | None = None
    requests: Number | None = None
    prompt_tokens: Number | None = None
    completion_tokens: Number | None = None
    reasoning_tokens: Number | None = None
    cached_tokens: Number | None = None


def activity_row(value: Any) -> ActivityRow | RejectionReason:
    """Return any JSON value as a row, or the reason why it can't be one."""
    if not isinstance(value, Mapping):
        return "not_an_object"
    if value.get("date") is None:
        return "missing_date"
    if not isinstance(value["date"], str):
        return "invalid_date"
    fields: dict[str, Any] = {}
    for name in _TEXT_FIELDS:
        text = value.get(name)
        if text is not None and not isinstance(text, str):
            return "invalid_text"
        fields[name] = text
    for name in _NUMBER_FIELDS:
        number = _number(value.get(name))
        if isinstance(number, str):
            return number
        fields[name] = number
    return ActivityRow(**fields)


def as_number(value: Any) -> float:
    """Return a number that came as a JSON number or as text (`"1523"`, `5.0`); NaN if it is none."""
    if isinstance(value, str):
        text = _NUMBER_TEXT.fullmatch(value)
        return float(text[1]) if text else math.nan
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _number(value: Any) -> float | Literal["invalid_number", "negative_number"] | None:
    """Return a number that a row may hold, or why it may not."""
    if value is None:
        return None
    number = as_number(value)
    if number < 0 and math.isfinite(number):
        return "negative_number"
    return number if 0 <= number <= LARGEST_NUMBER else "invalid_number"
