"""What an analytics query is answered from: the same rows that `/activity` shows, spread evenly over their day.

At any second, of each number of the day so much is there as has passed of the day. So at midnight today's sums are
those that `/activity` shows later, and the parts of a day add up to it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from exporter.simulator.analytics_query import Asked, Condition
from exporter.simulator.attribution import Slice, parts_of
from exporter.simulator.names import key_name, member_name, workspace_name
from exporter.simulator.usage import UsageRow, draws

_DAY = timedelta(days=1)
_SECONDS = 86_400
_MILLION = 1_000_000
_OF_SLICES = ("api_key_id", "user", "workspace")
_APPS = (("101", "Support desk"), ("102", "Nightly reports"), ("-1", "Unknown"))
_COUNTRIES = ("US", "DE", "IN")
_FINISHES = ("stop", "stop", "tool_calls", "length")
_CONTEXTS = ((1_000, "0-1K"), (10_000, "1K-10K"), (100_000, "10K-100K"))
_LONGEST_CONTEXT = "100K+"

Place = tuple[str, ...]  # the time's label, and the dimensions' identifiers


@dataclass(frozen=True, slots=True)
class Value:
    """A dimension's value: the identifier that filters compare, and the label that rows show."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Use:
    """What an account did on one day at one endpoint, whole or one slice's part of it."""

    row: UsageRow
    part: int | None = None


@dataclass(slots=True)
class Totals:
    """Numbers summed up; money in millionths of a USD, speed weighted by requests."""

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

    def add(self, row: UsageRow, start: int, end: int) -> None:
        """Add what a row brought between two seconds of its day."""

        def share(whole: int) -> int:
            return whole * end // _SECONDS - whole * start // _SECONDS

        requests, byok = share(row.requests), round(row.byok_usage_inference * _MILLION)
        own, daily = draws("speed", row.endpoint_id), draws("speed", row.endpoint_id, row.date)
        self.requests += requests
        self.prompt += share(row.prompt_tokens)
        self.completion += share(row.completion_tokens)
        self.reasoning += share(row.reasoning_tokens)
        self.cached += share(row.cached_tokens)
        self.credits += share(round(row.usage * _MILLION))
        self.byok += share(byok)
        self.byok_requests += requests if byok else 0
        # An endpoint has a speed of its own, and is a tenth of it off from day to day.
        self.latency += requests * (250.0 + 1500.0 * own[0]) * (0.9 + 0.2 * daily[0])
        self.throughput += requests * (20.0 + 120.0 * own[1]) * (0.9 + 0.2 * daily[1])

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing."""
        return not (self.requests or self.prompt or self.completion or self.credits or self.byok)


@dataclass(slots=True)
class Found:
    """Totals by place, what rows show in its place, and what could not be resolved."""

    totals: dict[Place, Totals] = field(default_factory=dict)
    labels: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Uses:
    """An account's use, ready to be asked about."""

    def __init__(self, rows_of_day: Callable[[date], list[UsageRow]], slices: tuple[Slice, ...]) -> None:
        self._rows_of_day = rows_of_day
        self._slices = slices
        self._kept: tuple[date, list[UsageRow]] | None = None

    def find(self, asked: Asked, now: datetime) -> Found:
        """Return the totals of whole buckets, as far as time has come."""
        found = Found()
        found.warnings = [
            f"Could not resolve api_key_id hash: {value[:12]}..."
            for condition in asked.conditions
            if condition.field == "api_key_id"
            for value in condition.values
            if value not in {part.api_key_hash for part in self._slices}
        ]
        split = any(name in _OF_SLICES for name in (*asked.dimensions, *(each.field for each in asked.conditions)))
        for bucket, start, end in _buckets(asked, now):
            for day, first, last in _days(start, end):
                for use in self._uses(day, split=split):
                    self._add(found, asked, use, bucket, (first, last))
        found.totals = {place: totals for place, totals in found.totals.items() if not totals.is_empty}
        return found

    def _uses(self, day: date, *, split: bool) -> Iterator[Use]:
        if self._kept is None or self._kept[0] != day:
            self._kept = (day, self._rows_of_day(day))
        for row in self._kept[1]:
            if not split:
                yield Use(row)
                continue
            for number, part in enumerate(parts_of(row)):
                if part is not None:
                    yield Use(part, number)

    def _add(self, found: Found, asked: Asked, use: Use, bucket: str, seconds: tuple[int, int]) -> None:
        if not all(_holds(each, self._value(each.field, use).id) for each in asked.conditions):
            return
        values = [self._value(name, use) for name in asked.dimensions]
        place = (bucket, *(value.id for value in values))
        if place not in found.totals:
            found.totals[place] = Totals()
            found.labels[place] = tuple(value.label for value in values)
        found.totals[place].add(use.row, *seconds)

    def _value(self, dimension: str, use: Use) -> Value:
        if dimension in _OF_SLICES:
            return self._of_slice(dimension, use.part or 0)
        if dimension == "app":
            return Value(*_APPS[_pick(use.row, "app", len(_APPS))])
        label = _LABELS[dimension](use.row)
        return Value(label, label)

    def _of_slice(self, dimension: str, number: int) -> Value:
        part = self._slices[number]
        match dimension:
            case "api_key_id":
                return Value(part.api_key_hash, key_name(number))
            case "workspace":
                ids = list(dict.fromkeys(each.workspace_id for each in self._slices))
                return Value(part.workspace_id, workspace_name(ids.index(part.workspace_id)))
            case _:
                ids = list(dict.fromkeys(each.user_id for each in self._slices))
                return Value(part.user_id, member_name(ids.index(part.user_id)))


def _buckets(asked: Asked, now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield the label and the bounds of each bucket that the range touches: buckets are answered whole."""
    start = bucket_start(asked.start, asked.granularity or "minute")
    if asked.granularity is None:
        last = bucket_start(asked.end, "minute")
        yield "", start, min(last if last == asked.end else last + timedelta(minutes=1), now)
        return
    while start < min(asked.end, now):
        end = next_bucket(start, asked.granularity)
        text = start.strftime("%Y-%m-%d") if asked.granularity in ("day", "week", "month") else f"{start:%F %T}"
        yield text, start, min(end, now)
        start = end


def bucket_start(moment: datetime, granularity: str) -> datetime:
    """Return the start of the UTC bucket that a moment is in."""
    moment = moment.replace(second=0, microsecond=0)
    if granularity == "minute":
        return moment
    moment = moment.replace(minute=0)
    if granularity == "hour":
        return moment
    moment = moment.replace(hour=0)
    if granularity == "week":
        return moment - moment.weekday() * _DAY
    return moment.replace(day=1) if granularity == "month" else moment


def next_bucket(start: datetime, granularity: str) -> datetime:
    """Return the start of the bucket after the one that starts here."""
    match granularity:
        case "minute":
            return start + timedelta(minutes=1)
        case "hour":
            return start + timedelta(hours=1)
        case "month":
            return (start + 32 * _DAY).replace(day=1)
    return start + (7 * _DAY if granularity == "week" else _DAY)


def _days(start: datetime, end: datetime) -> Iterator[tuple[date, int, int]]:
    """Yield the days of a span of time, each with the seconds of it that the span covers."""
    while start < end:
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
        until = min(end, midnight + _DAY)
        yield start.date(), int((start - midnight).total_seconds()), int((until - midnight).total_seconds())
        start = until


def _holds(condition: Condition, id_: str) -> bool:
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


def _pick(row: UsageRow, what: str, choices: int) -> int:
    return int(draws(what, row.endpoint_id)[0] * choices)


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
