"""What `POST /analytics/query` is asked, read as strictly as the API reads it, with its words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from exporter.simulator.analytics_meta import (
    DIMENSIONS,
    GRANULARITIES,
    LONG,
    METRICS,
    OPERATORS,
    ROLLUP_ONLY,
    SHORT,
)
from exporter.simulator.http_responses import ApiError

MOST_ROWS = 10_000
_DEFAULT_ROWS = 1000
_DEFAULT_RANGE = timedelta(days=7)
_LONGEST_BY_MINUTE = timedelta(hours=3)
_MOST_DIMENSIONS = 2
_MOST_FILTERS = 20
_MAY_BE_UNSET = ("api_key_id", "app", "user")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that the API takes."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]
    granularity: str | None
    start: datetime
    end: datetime
    conditions: tuple[Condition, ...]
    order_by: tuple[str, bool] | None  # descending if true
    limit: int

    @property
    def from_rollup(self) -> bool:
        """Whether the daily sums are enough to answer; the time key's name depends on it."""
        short = any(METRICS[name].longest == SHORT for name in self.metrics)
        return not short and all(DIMENSIONS[name] == LONG for name in self.dimensions)


def read_asked(content: bytes, now: datetime) -> Asked:
    """Read a request's body. Raise ApiError with what the API says to it."""
    try:
        body = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ApiError(400, "Invalid JSON in request body") from None
    metrics = _names(body, "metrics", METRICS, least=1)
    dimensions = _names(body, "dimensions", DIMENSIONS, most=_MOST_DIMENSIONS)
    granularity = body.get("granularity")
    if granularity is not None and granularity not in GRANULARITIES:
        raise ApiError(400, f"granularity: Invalid option: expected one of {'|'.join(GRANULARITIES)}")
    start, end = _time_range(body.get("time_range"), now)
    asked = Asked(
        metrics,
        dimensions,
        granularity,
        start,
        end,
        _conditions(body.get("filters", [])),
        _order_by(body.get("order_by"), metrics, dimensions),
        _whole(body, "limit", _DEFAULT_ROWS),
    )
    _whole(body, "group_limit", 1)
    _check_rollups(asked)
    _check_length(asked)
    return asked


def _names(
    body: Mapping[str, Any], field: str, known: Mapping[str, Any], *, least: int = 0, most: int = 100
) -> tuple[str, ...]:
    names = body.get(field, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ApiError(400, f"{field}: Invalid input: expected array of strings")
    if len(names) < least:
        raise ApiError(400, f"{field}: Too small: expected array to have >={least} items")
    if len(names) > most:
        raise ApiError(400, f"{field}: Too big: expected array to have <={most} items")
    for name in names:
        if name not in known:
            raise ApiError(400, f"{field}: Unknown {field[:-1]}: {name}")
    return tuple(names)


def _whole(body: Mapping[str, Any], field: str, default: int) -> int:
    number = body.get(field, default)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ApiError(400, f"{field}: Invalid input: expected number")
    if number < 1:
        raise ApiError(400, f"{field}: Too small: expected number to be >=1")
    if number > MOST_ROWS:
        raise ApiError(400, f"{field}: Too big: expected number to be <={MOST_ROWS}")
    return number


def _time_range(given: Any, now: datetime) -> tuple[datetime, datetime]:
    if given is None:
        return now - _DEFAULT_RANGE, now
    if not isinstance(given, dict):
        raise ApiError(400, "time_range: Invalid input: expected object")
    start, end = (_instant(given.get(name), name) for name in ("start", "end"))
    if start >= end:
        raise ApiError(400, "time_range: start must be before end")
    return start, end


def _instant(text: Any, name: str) -> datetime:
    try:
        if isinstance(text, str) and _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    raise ApiError(400, f"time_range.{name}: Invalid ISO datetime")


def _conditions(given: Any) -> tuple[Condition, ...]:
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ApiError(400, "filters: Invalid input: expected array of objects")
    if len(given) > _MOST_FILTERS:
        raise ApiError(400, f"filters: Too big: expected array to have <={_MOST_FILTERS} items")
    return tuple(_condition(each) for each in given)


def _condition(given: Mapping[str, Any]) -> Condition:
    field, operator, value = given.get("field"), given.get("operator"), given.get("value")
    if field not in DIMENSIONS:
        raise ApiError(400, f"filters: Unknown field: {field}")
    if operator not in OPERATORS:
        raise ApiError(400, f"filters: Unknown operator: {operator}")
    is_list = OPERATORS[operator] == "array"
    if is_list != isinstance(value, list) or value is None:
        raise ApiError(400, f"filters: operator {operator} expects {'an array' if is_list else 'a scalar'}")
    if given.get("include_unset") is not None and not (is_list and field in _MAY_BE_UNSET):
        raise ApiError(400, "filters: include_unset is only for in and not_in on api_key_id, app, user")
    return Condition(field, operator, tuple(map(str, value if isinstance(value, list) else [value])))


def _order_by(given: Any, metrics: tuple[str, ...], dimensions: tuple[str, ...]) -> tuple[str, bool] | None:
    if given is None:
        return None
    field = given.get("field") if isinstance(given, dict) else None
    if field not in (*metrics, *dimensions, "request_count", "date"):
        raise ApiError(400, "order_by.field: expected a requested metric, request_count, a requested dimension or date")
    if given.get("direction", "desc") not in ("asc", "desc"):
        raise ApiError(400, "order_by.direction: Invalid option: expected one of asc|desc")
    return str(field), given.get("direction", "desc") == "desc"


def _check_rollups(asked: Asked) -> None:
    named = {*asked.dimensions, *(condition.field for condition in asked.conditions)}
    hourly = [name for name in asked.metrics if name in ROLLUP_ONLY]
    if hourly and (named - {"model", "provider"} or asked.granularity == "minute"):
        raise ApiError(400, f"{hourly[0]} supports only model and provider dimensions and filters, not minute")


def _check_length(asked: Asked) -> None:
    length = asked.end - asked.start
    if asked.granularity == "minute" and length > _LONGEST_BY_MINUTE:
        raise ApiError(400, "time_range exceeds maximum of 3 hours for minute granularity")
    if length > LONG:
        raise ApiError(400, "time_range exceeds maximum of 367 days")
    fields = (*asked.dimensions, *(condition.field for condition in asked.conditions))
    is_short = any(METRICS[name].longest == SHORT for name in asked.metrics) or any(
        DIMENSIONS[name] == SHORT for name in fields
    )
    if length > SHORT and (is_short or asked.granularity == "hour"):
        raise ApiError(400, "time_range exceeds maximum of 31 days for the requested metrics/dimensions")
