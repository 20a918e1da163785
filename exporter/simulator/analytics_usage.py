"""The data of analytics queries: the rows that `/activity` returns, spread evenly over their day.

A day's numbers grow in proportion to the seconds that have passed. So at midnight a day's sums are those that
`/activity` returns later, and the parts of a day add up to it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import NamedTuple

from exporter.simulator.analytics_query import Grouping, ParsedQuery, QueryFilter
from exporter.simulator.attribution import Attribution, split_row
from exporter.simulator.billing import key_name, member_name, workspace_name
from exporter.simulator.usage import UsageRow, draws

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_SECONDS = 86_400
_MILLION = 1_000_000
_KEPT_ROWS, _KEPT_GROUPS = 20_000, 80_000  # cached for an account, at one per endpoint and day
_FEWEST_KEPT = 2  # days
_APPS = (("101", "Support desk"), ("102", "Nightly reports"), ("-1", "Unknown"))
_COUNTRIES = ("US", "DE", "IN")
_FINISHES = ("stop", "stop", "tool_calls", "length")
_CONTEXTS = ((1_000, "0-1K"), (10_000, "1K-10K"), (100_000, "10K-100K"))
_LONGEST_CONTEXT = "100K+"
_CLASSES = ("billing", "search", "support", None)


class DimensionValue(NamedTuple):
    """The identifier that filters compare, and the label that rows contain."""

    id: str
    label: str | None


class UsagePart(NamedTuple):
    """A row of one day and endpoint: whole, or one attribution's part of it."""

    row: UsageRow
    attribution: int = 0


class UsageTotals(NamedTuple):
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

    @classmethod
    def of(cls, row: UsageRow, start: int, end: int, *, with_speed: bool) -> UsageTotals:
        """Return a row's share between two seconds of its day."""

        def share(whole: int) -> int:
            return whole * end // _SECONDS - whole * start // _SECONDS

        requests, byok = share(row.requests), round(row.byok_usage_inference * _MILLION)
        return cls(
            requests,
            share(row.prompt_tokens),
            share(row.completion_tokens),
            share(row.reasoning_tokens),
            share(row.cached_tokens),
            share(round(row.usage * _MILLION)),
            share(byok),
            requests if byok else 0,
            *(_speed(row, requests) if with_speed else ()),
        )

    def plus(self, other: UsageTotals) -> UsageTotals:
        """Return the sums of both."""
        return UsageTotals(*map(add, self, other))

    @property
    def is_empty(self) -> bool:
        """Whether there is no usage."""
        return not (self.requests or self.prompt or self.completion or self.credits or self.byok)


_NOTHING = UsageTotals()
GroupKey = tuple[DimensionValue, ...]  # a value for each dimension
Groups = Mapping[GroupKey, UsageTotals]


class AccountUsage:
    """An account's usage, ready to be queried.

    Queries cover the same days again and again, so the parts and the totals of whole days are cached. A larger account
    caches fewer days.
    """

    def __init__(
        self, rows_of_day: Callable[[date], list[UsageRow]], attributions: tuple[Attribution, ...], endpoints: int
    ) -> None:
        self._rows_of_day = rows_of_day
        self._owners = _owners(attributions)
        self._parts = lru_cache(max(_FEWEST_KEPT, _KEPT_ROWS // endpoints))(self._parts_of_day)
        self._whole_day = lru_cache(max(_FEWEST_KEPT, _KEPT_GROUPS // endpoints))(self._groups)

    def warnings(self, query: ParsedQuery) -> list[str]:
        """Return the API's warnings about a query."""
        known = {owner.id for owner in self._owners["api_key_id"]}
        return [
            f"Could not resolve api_key_id hash: {value[:12]}..."
            for condition in query.grouping.filters
            if condition.field == "api_key_id"
            for value in condition.values
            if value not in known
        ]

    def totals(self, query: ParsedQuery, now: datetime) -> dict[tuple[str, GroupKey], UsageTotals]:
        """Return the totals up to now, by bucket and group."""
        totals: dict[tuple[str, GroupKey], UsageTotals] = {}
        for bucket, start, end in _buckets(query, now):
            for day, first, last in _days(start, end):
                groups = self._whole_day if (first, last) == (0, _SECONDS) else self._groups
                for group, usage in groups(day, query.grouping, first, last).items():
                    totals[bucket, group] = totals.get((bucket, group), _NOTHING).plus(usage)
        return {key: usage for key, usage in totals.items() if not usage.is_empty}

    def _groups(self, day: date, grouping: Grouping, first: int, last: int) -> Groups:
        """Return the totals between two seconds of a day, by group."""
        totals: dict[GroupKey, UsageTotals] = {}
        for part in self._parts(day, split=any(name in self._owners for name in grouping.fields)):
            group = self._group_of(part, grouping)
            if group is not None:
                usage = UsageTotals.of(part.row, first, last, with_speed=grouping.with_speed)
                totals[group] = totals.get(group, _NOTHING).plus(usage)
        return totals

    def _parts_of_day(self, day: date, *, split: bool) -> list[UsagePart]:
        """Return a day's rows, or the attributions' parts of them."""
        rows = self._rows_of_day(day)
        if not split:
            return [UsagePart(row) for row in rows]
        divided = ((number, part) for row in rows for number, part in enumerate(split_row(row)))
        return [UsagePart(part, number) for number, part in divided if part is not None]

    def _group_of(self, part: UsagePart, grouping: Grouping) -> GroupKey | None:
        """Return the group that a part belongs to, None if it does not pass the filters."""
        if not all(_matches(condition, self._value(condition.field, part).id) for condition in grouping.filters):
            return None
        classes = [_class_of(name, part.row) for name in grouping.classified_by]
        if None in classes and not grouping.with_unclassified:
            return None
        if not all(_matches(only, _class_of(only.field, part.row) or "") for only in grouping.classifier_filters):
            return None
        values = [self._value(name, part) for name in grouping.dimensions]
        return tuple(values + [DimensionValue(label or "", label) for label in classes])

    def _value(self, dimension: str, part: UsagePart) -> DimensionValue:
        if dimension in self._owners:
            return self._owners[dimension][part.attribution]
        if dimension == "app":
            return DimensionValue(*_APPS[_pick(part.row, "app", len(_APPS))])
        label = _LABELS[dimension](part.row)
        return DimensionValue(label, label)


def _speed(row: UsageRow, requests: int) -> tuple[float, float]:
    """Return latency and throughput: each endpoint has its own, which vary by a tenth from day to day."""
    own, daily = draws("speed", row.endpoint_id), draws("speed", row.endpoint_id, row.date)
    latency = requests * (250.0 + 1500.0 * own[0]) * (0.9 + 0.2 * daily[0])
    return latency, requests * (20.0 + 120.0 * own[1]) * (0.9 + 0.2 * daily[1])


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
    """Return the class of a row, None if the classifier has not run on it."""
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
