"""`/-/status`: the state of collecting as JSON.

Its keys are the fields of the classes in `exporter.status`, and each collector's `state` besides.
Times are RFC 3339 in UTC, days are ISO dates; null is what is unknown, and a number that JSON cannot express.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from exporter.status import Status
from exporter.web.collector_state import state_of


def status_json(status: Status) -> bytes:
    """Return the status as JSON, indented for people who read it with curl."""
    document = _plain(status)
    for name, collectors in (("collectors", status.collectors), ("catalogue", status.catalogue)):
        for collector, shown in zip(collectors, document[name], strict=True):
            shown["state"] = state_of(collector, status.now)
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _plain(value: Any) -> Any:
    """Return a value as what JSON has: dataclasses and named tuples become objects, by field."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        items = [_plain(item) for item in value]
        return dict(zip(names, items, strict=True)) if names else items
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # JSON has no lone surrogates
    return None if isinstance(value, float) and not math.isfinite(value) else value
