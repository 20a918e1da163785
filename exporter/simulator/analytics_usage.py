"""The data of analytics queries: the rows that `/activity` returns, spread evenly over their day.

A day's numbers grow in proportion to the seconds that have passed. So at midnight a day's sums are those that
`/activity` returns later, and the parts of a day add up to it exactly.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from exporter.simulator.analytics_meta import METRICS
from exporter.simulator.analytics_query import ParsedQuery, QueryFilter
from exporter.simulator.attribution import Attribution, split_row
from exporter.simulator.billing import key_name, member_name, workspace_name
from exporter.simulator.usage import UsageRow, draws

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_SECONDS = 86_400
_MILLION = 1_000_000
_SPEEDS = ("latency", "throughput")  # display formats of metrics that are not sums
_KEPT_ROWS = 20_000
_KEPT_GROUPS = 40_000
_APPS = (("101", "Support desk"), ("102", "Nightly reports"), ("-1", "Unknown"))
_COUNTRIES = ("US", "DE", "IN")
_FINISHES = ("stop", "stop", "tool_calls", "length")
_CONTEXTS = ((1_000, "0-1K"), (10_000, "1K-10K"), (100_000, "10K-100K"))
_LONGEST_CONTEXT = "100K+"
_CLASSES = ("billing", "search", "support", None)

GroupKey = tuple[str, ...]  # the bucket's time, and an identifier for each dimension
Labels = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class DimensionValue:
    """The identifier that filters compare, and the label that rows contain."""

    id: str
    label: str | None


@dataclass(frozen=True, slots=True)
class UsagePart:
    """A row of one day and endpoint: whole, or one attribution's part of it."""

    row: UsageRow
    attribution: int = 0


@dataclass(slots=True)
class UsageTotals:
    """Sums; money in millionths of a USD, speed weighted by requests."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int = 0
    credits: int = 0
    byok: int = 0
    byok_requests: int = 0
    latency: float = 0.0
    throughput: float = 0.0

    def add(self, row: UsageRow, start: int, end: int, *, with_speed: bool) -> None:
        """Add a row's share between two seconds of its day."""

        def share(whole: int) -> int:
            return whole * end // _SECONDS - whole * start // _SECONDS

        requests, byok = share(row.requests), round(row.byok_usage_inference * _MILLION)
        self.requests += requests
        self.prompt += share(row.prompt_tokens)
        self.completion += share(row.completion_tokens)
        self.reasoning += share(row.reasoning_tokens)
        self.cached += share(row.cached_tokens)
        self.credits += share(round(row.usage * _MILLION))
        self.byok += share(byok)
        self.byok_requests += requests if byok else 0
        if with_speed:
            self._add_speed(row, requests)

    def _add_speed(self, row: UsageRow, requests: int) -> None:
        own, daily = draws("speed", row.endpoint_id), draws("speed", row.endpoint_id, row.date)
        # Each endpoint has its own speed, which varies by a tenth from day to day.
        self.latency += requests * (250.0 + 1500.0 * own[0]) * (0.9 + 0.2 * daily[0])
        self.throughput += requests * (20.0 + 120.0 * own[1]) * (0.9 + 0.2 * daily[1])

    def add_all(self, other: UsageTotals) -> None:
        """Add other totals."""
        self.requests += other.requests
        self.prompt += other.prompt
        self.completion += other.completion
        self.reasoning += other.reasoning
        self.cached += other.cached
        self.credits += other.credits
        self.byok += other.byok
        self.byok_requests += other.byok_requests
        self.latency += other.latency
        self.throughput += other.throughput

    @property
    def is_empty(self) -> bool:
        """Whether there is no usage."""
        return not (self.requests or self.prompt or self.completion or self.credits or self.byok)


@dataclass(slots=True)
class QueryTotals:
    """Totals and labels by group, and the query's warnings."""

    groups: dict[GroupKey, UsageTotals] = field(default_factory=dict)
    labels: dict[GroupKey, Labels] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


DayTotals = dict[GroupKey, tuple[UsageTotals, Labels]]  # the keys without a bucket


@dataclass(frozen=True, slots=True)
class Grouping:
    """The filters and dimensions of a query, which are the same for each of its days."""

    dimensions: tuple[str, ...]
    filters: tuple[QueryFilter, ...]
    classified_by: tuple[str, ...]
    classifier_filters: tuple[QueryFilter, ...]
    with_unclassified: bool
    with_speed: bool

    @classmethod
    def of(cls, query: ParsedQuery) -> Grouping:
        """Return that of a query."""
        return cls(
            query.dimensions,
            query.filters,
            query.classified_by,
            query.classifier_filters,
            query.with_unclassified,
            with_speed=any(METRICS[name].display_format in _SPEEDS for name in query.metrics),
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """The dimensions that it reads, but for those of classifiers."""
        return (*self.dimensions, *(condition.field for condition in self.filters))


class AccountUsage:
    """An account's usage, ready to be queried."""

    def __init__(self, rows_of_day: Callable[[date], list[UsageRow]], attributions: tuple[Attribution, ...]) -> None:
        self._rows_of_day = rows_of_day
        self._owners = _owners(attributions)
        self._days: OrderedDict[tuple[date, bool], list[UsagePart]] = OrderedDict()
        self._whole_days: OrderedDict[tuple[date, Grouping], DayTotals] = OrderedDict()

    def totals(self, query: ParsedQuery, now: datetime) -> QueryTotals:
        """Return the totals by group, up to now."""
        totals = QueryTotals()
        totals.warnings = [
            f"Could not resolve api_key_id hash: {value[:12]}..."
            for condition in query.filters
            if condition.field == "api_key_id"
            for value in condition.values
            if value not in {owner.id for owner in self._owners["api_key_id"]}
        ]
        grouping = Grouping.of(query)
        for bucket, start, end in _buckets(query, now):
            for day, first, last in _days(start, end):
                whole = (first, last) == (0, _SECONDS)
                of_day = self._whole_day(day, grouping) if whole else self._of_day(day, grouping, first, last)
                for ids, (group, labels) in of_day.items():
                    key = (bucket, *ids)
                    totals.groups.setdefault(key, UsageTotals()).add_all(group)
                    totals.labels[key] = labels
        totals.groups = {key: group for key, group in totals.groups.items() if not group.is_empty}
        return totals

    def _whole_day(self, day: date, grouping: Grouping) -> DayTotals:
        """Return a day's totals. Queries cover the same days again and again, so some are kept."""
        kept = self._whole_days.get((day, grouping))
        if kept is None:
            kept = self._of_day(day, grouping, 0, _SECONDS)
            _keep(self._whole_days, (day, grouping), kept, _KEPT_GROUPS)
        return kept

    def _of_day(self, day: date, grouping: Grouping, first: int, last: int) -> DayTotals:
        """Return the totals between two seconds of a day."""
        totals: DayTotals = {}
        for part in self._parts(day, split=any(name in self._owners for name in grouping.fields)):
            group = self._group(totals, grouping, part)
            if group is not None:
                group.add(part.row, first, last, with_speed=grouping.with_speed)
        return totals

    def _parts(self, day: date, *, split: bool) -> list[UsagePart]:
        """Return a day's rows, or their parts. Different queries cover the same days, so some are kept."""
        parts = self._days.get((day, split))
        if parts is None:
            rows = self._rows_of_day(day)
            if split:
                divided = ((number, part) for row in rows for number, part in enumerate(split_row(row)))
                parts = [UsagePart(part, number) for number, part in divided if part is not None]
            else:
                parts = [UsagePart(row) for row in rows]
            _keep(self._days, (day, split), parts, _KEPT_ROWS)
        return parts

    def _group(self, totals: DayTotals, grouping: Grouping, part: UsagePart) -> UsageTotals | None:
        """Return the totals that a part belongs to, None if it does not pass the filters."""
        if not all(_matches(condition, self._value(condition.field, part).id) for condition in grouping.filters):
            return None
        classes = {name: _class_of(name, part.row) for name in grouping.classified_by}
        if None in classes.values() and not grouping.with_unclassified:
            return None
        if not all(_matches(only, _class_of(only.field, part.row) or "") for only in grouping.classifier_filters):
            return None
        values = [self._value(name, part) for name in grouping.dimensions]
        values += [DimensionValue(label or "", label) for label in classes.values()]
        key = tuple([value.id for value in values])
        if key not in totals:
            totals[key] = UsageTotals(), tuple([value.label for value in values])
        return totals[key][0]

    def _value(self, dimension: str, part: UsagePart) -> DimensionValue:
        if dimension in self._owners:
            return self._owners[dimension][part.attribution]
        if dimension == "app":
            return DimensionValue(*_APPS[_pick(part.row, "app", len(_APPS))])
        label = _LABELS[dimension](part.row)
        return DimensionValue(label, label)


def _keep(kept: OrderedDict[Any, Any], key: Any, items: Collection[Any], most: int) -> None:
    """Keep what was made last, up to about this many items."""
    kept[key] = items
    while len(kept) * len(items) > most and len(kept) > 1:
        kept.popitem(last=False)


def _owners(attributions: tuple[Attribution, ...]) -> Mapping[str, list[DimensionValue]]:
    """Return the values of the attributed dimensions, by number of the attribution."""
    workspaces = list(dict.fromkeys(owner.workspace_id for owner in attributions))
    users = list(dict.fromkeys(owner.user_id for owner in attributions))
    return {
        "api_key_id": [DimensionValue(owner.api_key_hash, key_name(index)) for index, owner in enumerate(attributions)],
        "workspace": [
            DimensionValue(owner.workspace_id, workspace_name(workspaces.index(owner.workspace_id)))
            for owner in attributions
        ],
        "user": [DimensionValue(owner.user_id, member_name(users.index(owner.user_id))) for owner in attributions],
    }


def _buckets(query: ParsedQuery, now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield the label and the bounds of each bucket. A minute or day that the range overlaps is returned whole.

    The layout of a day depends on the source of the data, as the name of its field does.
    """
    if query.granularity is None:
        start = query.start.replace(second=0, microsecond=0)
        minutes = -((start - query.end) // _MINUTE)
        yield "", start, min(start + minutes * _MINUTE, now)
        return
    start = _midnight(query.start)
    layout = "%Y-%m-%d" if query.from_rollup else "%Y-%m-%d %H:%M:%S"
    while start < min(query.end, now):
        yield start.strftime(layout), start, min(start + _DAY, now)
        start += _DAY


def _days(start: datetime, end: datetime) -> Iterator[tuple[date, int, int]]:
    """Yield each day of a time span with the seconds of the day that the span covers."""
    while start < end:
        midnight = _midnight(start)
        until = min(end, midnight + _DAY)
        yield start.date(), int((start - midnight).total_seconds()), int((until - midnight).total_seconds())
        start = until


def _midnight(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _matches(condition: QueryFilter, id_: str) -> bool:
    value = condition.values[0] if condition.values else ""
    match condition.operator:
        case "eq" | "in":
            return id_ in condition.values
        case "neq" | "not_in":
            return id_ not in condition.values
        case "gt":
            return id_ > value
        case "gte":
            return id_ >= value
        case "lt":
            return id_ < value
        case _:
            return id_ <= value


def _pick(row: UsageRow, name: str, choices: int) -> int:
    return int(draws(name, row.endpoint_id)[0] * choices)


def _class_of(dimension: str, row: UsageRow) -> str | None:
    """Return what a classifier found; it has not run on some rows."""
    return _CLASSES[_pick(row, dimension, len(_CLASSES))]


def _context(row: UsageRow) -> str:
    tokens = row.prompt_tokens / row.requests
    return next((label for most, label in _CONTEXTS if tokens < most), _LONGEST_CONTEXT)


_LABELS: Mapping[str, Callable[[UsageRow], str]] = {
    "model": lambda row: row.model_permaslug,
    "variant": lambda row: row.model.partition(":")[2] or "standard",
    "provider": lambda row: row.provider_name,
    "origin": lambda row: f"https://{('app', 'www', 'jobs')[_pick(row, 'origin', 3)]}.example.com",
    "country": lambda row: _COUNTRIES[_pick(row, "country", len(_COUNTRIES))],
    "data_region": lambda _: "global",
    "skin": lambda _: "",
    "finish_reason": lambda row: _FINISHES[_pick(row, "finish", len(_FINISHES))],
    "external_user": lambda row: f"customer-{_pick(row, 'customer', 5)}",
    "context_length_bucket": _context,
    "generation_id": lambda row: f"gen-{row.endpoint_id[:8]}-{row.date[:10]}",
    "session_id": lambda _: "none",
    "streamed": lambda row: ("true", "false")[_pick(row, "streamed", 2)],
}
