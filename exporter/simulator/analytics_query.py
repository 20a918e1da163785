"""The body of `POST /analytics/query`, validated as strictly as by the API, with its error messages."""

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

MAX_ROWS = 10_000
_DEFAULT_ROWS = 1000
_DEFAULT_RANGE = timedelta(days=7)
_MAX_DIMENSIONS = 2
_MAX_FILTERS = 20
_MAX_CLASSIFIER_FILTERS = 10
_SPEEDS = ("latency", "throughput")  # display formats of metrics that are not sums
_MAY_BE_UNSET = ("api_key_id", "app", "user")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """One filter."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The filters and dimensions of a query, which are the same for each of its days."""

    dimensions: tuple[str, ...]
    filters: tuple[QueryFilter, ...]
    with_speed: bool  # whether a metric of the query is a latency or a throughput
    classified_by: tuple[str, ...] = ()  # dimensions of a classifier
    classifier_filters: tuple[QueryFilter, ...] = ()
    with_unclassified: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The dimensions to group and filter by, except those of classifiers."""
        return (*self.dimensions, *(condition.field for condition in self.filters))

    @property
    def is_classified(self) -> bool:
        """Whether the query uses a classifier."""
        return bool(self.classified_by or self.classifier_filters)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A valid query."""

    metrics: tuple[str, ...]
    grouping: Grouping
    granularity: str | None
    start: datetime
    end: datetime
    order_by: tuple[str, bool] | None  # descending if true
    limit: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of a row's labels."""
        return (*self.grouping.dimensions, *self.grouping.classified_by)

    @property
    def has_short_metric(self) -> bool:
        """Whether a metric supports only the shorter of the two time ranges."""
        return any(METRICS[name].longest == SHORT for name in self.metrics)

    @property
    def from_rollup(self) -> bool:
        """Whether the daily rollup has the data; the name of the time key depends on it."""
        long = all(DIMENSIONS[name] == LONG for name in self.grouping.dimensions)
        return long and not self.has_short_metric and not self.grouping.is_classified


def parse_query(content: bytes, now: datetime) -> ParsedQuery:
    """Parse a request's body. Raise ApiError with the API's message for what is wrong."""
    try:
        body = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ApiError(400, "Invalid JSON in request body") from None
    metrics = _names(body, "metrics", METRICS, least=1)
    dimensions = _names(body, "dimensions", DIMENSIONS, most=_MAX_DIMENSIONS)
    granularity = body.get("granularity")
    if granularity is not None and granularity not in GRANULARITIES:
        raise ApiError(400, f"granularity: Invalid option: expected one of {'|'.join(GRANULARITIES)}")
    if granularity not in (None, "day"):
        raise ApiError(501, f"granularity: the simulator has no buckets of a {granularity}, only of a day")
    start, end = _time_range(body.get("time_range"), now)
    with_speed = any(METRICS[name].display_format in _SPEEDS for name in metrics)
    filters = _filters(body.get("filters", []))
    order_by = _order_by(body.get("order_by"), metrics, dimensions)
    limit = _limit(body.get("limit", _DEFAULT_ROWS))
    grouping = Grouping(dimensions, filters, with_speed, *_classifiers(body))
    query = ParsedQuery(metrics, grouping, granularity, start, end, order_by, limit)
    _check_rollups(query)
    _check_length(query)
    return query


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


def _limit(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ApiError(400, "limit: Invalid input: expected number")
    if number < 1:
        raise ApiError(400, "limit: Too small: expected number to be >=1")
    if number > MAX_ROWS:
        raise ApiError(400, f"limit: Too big: expected number to be <={MAX_ROWS}")
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


def _filters(given: Any) -> tuple[QueryFilter, ...]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise ApiError(400, "filters: Invalid input: expected array of objects")
    if len(given) > _MAX_FILTERS:
        raise ApiError(400, f"filters: Too big: expected array to have <={_MAX_FILTERS} items")
    return tuple(_filter(item) for item in given)


def _filter(given: Mapping[str, Any]) -> QueryFilter:
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
    return _condition(given)


def _classifiers(body: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[QueryFilter, ...], bool]:
    """Return the dimensions and filters of a classifier, and whether to include unclassified rows."""
    by, only = (body.get(f"classifier_{kind}") or {} for kind in ("dimensions", "filters"))
    for section in (by, only):
        if section and not isinstance(section.get("classifier_id"), str):
            raise ApiError(400, "classifier_id: Invalid input: expected string")
    names, filters = by.get("dimension_names", []), only.get("filters", [])
    if len(names) > _MAX_DIMENSIONS:
        raise ApiError(400, f"classifier_dimensions: Too big: expected array to have <={_MAX_DIMENSIONS} items")
    if len(filters) > _MAX_CLASSIFIER_FILTERS:
        raise ApiError(400, f"classifier_filters: Too big: expected array to have <={_MAX_CLASSIFIER_FILTERS} items")
    return tuple(names), tuple(map(_condition, filters)), bool(by.get("include_nulls"))


def _condition(given: Mapping[str, Any]) -> QueryFilter:
    value = given["value"]
    values = value if isinstance(value, list) else [value]
    return QueryFilter(given["field"], given["operator"], tuple(map(str, values)))


def _order_by(given: Any, metrics: tuple[str, ...], dimensions: tuple[str, ...]) -> tuple[str, bool] | None:
    if given is None:
        return None
    field = given.get("field") if isinstance(given, dict) else None
    if field not in (*metrics, *dimensions, "request_count", "date"):
        raise ApiError(400, "order_by.field: expected a requested metric, request_count, a requested dimension or date")
    if given.get("direction", "desc") not in ("asc", "desc"):
        raise ApiError(400, "order_by.direction: Invalid option: expected one of asc|desc")
    return str(field), given.get("direction", "desc") == "desc"


def _check_rollups(query: ParsedQuery) -> None:
    hourly = [name for name in query.metrics if name in ROLLUP_ONLY]
    if hourly and not {"model", "provider"}.issuperset(query.grouping.fields):
        raise ApiError(400, f"{hourly[0]} supports only model and provider dimensions and filters, not minute")


def _check_length(query: ParsedQuery) -> None:
    length = query.end - query.start
    if length > LONG:
        raise ApiError(400, "time_range exceeds maximum of 367 days")
    has_short_field = any(DIMENSIONS[name] == SHORT for name in query.grouping.fields)
    is_short = query.has_short_metric or has_short_field or query.grouping.is_classified
    if is_short and length > SHORT:
        raise ApiError(400, "time_range exceeds maximum of 31 days for the requested metrics/dimensions")
