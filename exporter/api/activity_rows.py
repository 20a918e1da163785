"""Rows of `GET /activity` as the API really sends them, and why a row is rejected.

A typed decoder reads well-formed rows as `ActivityRow` at full speed; `activity_row` reads any JSON value. Where the
decoder accepts a row, both return the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec

from exporter.api.field_values import LARGEST_NUMBER, LONGEST_TEXT, Fields

RejectionReason = Literal[
    "not_an_object",
    "missing_date",
    "invalid_date",
    "future_date",
    "old_date",
    "missing_model",
    "missing_numbers",
    "duplicate",
]
REJECTION_REASONS: tuple[RejectionReason, ...] = get_args(RejectionReason)

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Amount = Annotated[float, msgspec.Meta(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Count = Annotated[float, msgspec.Meta(ge=0, le=LARGEST_NUMBER)]


class ActivityRow(msgspec.Struct, gc=False):
    """What one endpoint did on one UTC day. None means that the row does not report the field."""

    date: str
    model: Text | None = None
    model_permaslug: Text | None = None
    endpoint_id: Text | None = None
    provider_name: Text | None = None
    workspace_id: Text | None = None
    usage: Amount | None = None
    byok_usage_inference: Amount | None = None
    requests: Count | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cached_tokens: Count | None = None
    byok_requests: Count | None = math.nan  # not documented: where no row has it, None would take the slow way


def activity_row(value: Any, unreadable: Counter[str]) -> ActivityRow | RejectionReason:
    """Return any JSON value as a row, or the reason why it is not one. Fields without a usable value are counted."""
    if not isinstance(value, Mapping):
        return "not_an_object"
    date = value.get("date")
    if date is None:
        return "missing_date"
    if not isinstance(date, str):
        return "invalid_date"
    fields = Fields(value, unreadable)
    return ActivityRow(
        date=date,
        model=fields.text("model"),
        model_permaslug=fields.text("model_permaslug"),
        endpoint_id=fields.text("endpoint_id"),
        provider_name=fields.text("provider_name"),
        workspace_id=fields.text("workspace_id"),
        usage=fields.amount("usage"),
        byok_usage_inference=fields.amount("byok_usage_inference"),
        requests=fields.count("requests"),
        prompt_tokens=fields.count("prompt_tokens"),
        completion_tokens=fields.count("completion_tokens"),
        reasoning_tokens=fields.count("reasoning_tokens"),
        cached_tokens=fields.count("cached_tokens"),
        byok_requests=fields.count("byok_requests") if "byok_requests" in value else math.nan,
    )
