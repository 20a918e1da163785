"""`GET /activity`: what each endpoint did on the latest completed UTC day and over windows that end with it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from exporter.api.answer import Answer
from exporter.api.client import Request
from exporter.api.model import REJECTION_REASONS
from exporter.api.rows import Rejections, rows
from exporter.collectors.base import Collected, Poll, Work
from exporter.collectors.days import DAY, LATEST_DAY, Window, covered_days, latest_completed_day, midnight, window
from exporter.collectors.history import carry_over, restated_rows
from exporter.collectors.sums import KEYS_PER_STEP, Fold, Sums, column, fold, spend_by_day, sum_up
from exporter.collectors.table import KEY_LABELS, MEASURES, Key, KeyLabel, Shape, Table
from exporter.config.activity import Activity
from exporter.errors import InvalidResponse
from exporter.snapshot import Declaration, Family, LabelSets, Snapshot

# The oldest day that a window can reach: the 31-day month to date, read on the day after next before it settled.
OLDEST_DAYS_BACK = 32

OPERATION = "activity"

_MEANINGS = {
    "usage_usd": "OpenRouter credits spent, in US dollars",
    "byok_usage_usd": "External spend on own provider keys, in US dollars, in addition to usage",
    "requests": "Number of requests",
    "prompt_tokens": "Number of prompt tokens, cache hits included",
    "completion_tokens": "Number of completion tokens",
    "reasoning_tokens": "Number of reasoning tokens; can exceed completion tokens",
    "cached_tokens": "Number of prompt tokens read from cache; can exceed prompt tokens",
}
_POLLED = "Refreshed by polling, not by the scrape."


@dataclass(frozen=True, slots=True)
class _Read:
    """What the last successful poll leaves for the next one. `covered` are the days that `table` holds whole."""

    digest: bytes
    day: date
    table: Table
    covered: frozenset[date]
    rejections: Rejections


class ActivityCollector:
    """Reads the account's activity; the last poll's table is its memory, and nothing older."""

    name: str = "activity"
    operations: tuple[str, ...] = (OPERATION,)
    rejection_reasons: tuple[str, ...] = REJECTION_REASONS

    def __init__(self, account: str, settings: Activity) -> None:
        self._account = account
        self._settings = settings
        self._windows = (LATEST_DAY, *map(window, settings.windows))
        self._labels = _key_labels(settings)

    @property
    def identity(self) -> Activity:
        """Return the settings, less those that only say when."""
        return replace(
            self._settings, enabled=True, interval=0.0, stale_after=0.0, settle_delay=0.0, empty_day_after=0.0
        )

    def declarations(self) -> tuple[Declaration, ...]:
        """Return every family: the measures of each window, the day, the endpoints' names."""
        return (
            *(declaration for each in self._windows for declaration in _measures(each, self._labels)),
            DAY_TIMESTAMP,
            _endpoint_info(self._labels),
        )

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the whole answer. It replaces what was there; the same bytes for the same days cost a hash."""
        answer = await poll.ask(self._request())
        last = memory if isinstance(memory, _Read) else None
        now = poll.instant if answer.date is None else min(poll.instant, answer.date)
        covered = covered_days(poll.instant, answer.date)
        if (
            last is not None
            and answer.digest == last.digest
            and self._day(now, last.table) == last.day
            and covered <= last.covered
        ):
            poll.rejections.update(last.rejections)
            return Collected(snapshot=None, memory=last)
        return await poll.read(OPERATION, self._read(answer, now, covered, poll, last))

    def _request(self) -> Request:
        filters = self._settings.filters
        parameters = {
            "api_key_hash": filters.api_key_hash,
            "user_id": filters.user_id,
            "workspace_id": filters.workspace_id,
            "group_by": "workspace" if self._settings.split_by == "workspace" else None,
        }
        return Request(
            operation=OPERATION,
            path="/activity",
            parameters={name: value for name, value in parameters.items() if value is not None},
        )

    def _day(self, now: datetime, table: Table) -> date:
        first = table.shape.first
        return latest_completed_day(
            now,
            settle=self._settings.settle_delay,
            empty_after=self._settings.empty_day_after,
            days_with_rows={first + DAY * place for place in table.days_with_rows},
        )

    def _read(
        self, answer: Answer, now: datetime, covered: frozenset[date], poll: Poll, last: _Read | None
    ) -> Work[Collected]:
        if answer.date is not None and not covered:
            # Publishing what is left would be a day long ago without any use, and take away what is known.
            server, ours = answer.date.date(), poll.instant.date()
            raise InvalidResponse(f"the server's clock says {server}, ours {ours}: no day in common")
        rejections = poll.rejections
        table = Table(self._shape(poll.instant.date()))
        for piece in rows(answer, rejections):
            table.add(piece, rejections)
            yield
        if rejections.counts and not table.usable:
            # Publishing nothing would look like no use.
            raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")

        day = self._day(now, table)
        restated = 0
        if last is not None:
            restated, covered = yield from self._compare(last, table, day, covered)
        windows = [each for each in self._windows if covered.issuperset(each.days(day))]
        sums = yield from sum_up(table, [each.days(day) for each in windows])
        folding = yield from fold(table, self._settings.max_endpoints)
        yield
        snapshot = yield from self._snapshot(day, windows, sums, folding, table)
        return Collected(
            snapshot=snapshot,
            memory=_Read(answer.digest, day, table, covered, rejections),
            day=day,
            restated=restated,
            folded=folding.folded,
            spend=spend_by_day(table, sums),
        )

    def _shape(self, today: date) -> Shape:
        return Shape(self._labels, self._takes_model, today - OLDEST_DAYS_BACK * DAY, today)

    def _takes_model(self, model: str) -> bool:
        include, exclude = self._settings.include, self._settings.exclude
        included = not include or any(pattern.fullmatch(model) for pattern in include)
        return included and not any(pattern.fullmatch(model) for pattern in exclude)

    def _compare(
        self, last: _Read, table: Table, day: date, covered: frozenset[date]
    ) -> Work[tuple[int, frozenset[date]]]:
        """Count restated rows of days read before, and carry over the days that only the last table still holds."""
        known = {each for each in last.covered & covered if each <= last.day}
        restated = yield from restated_rows(last.table, table, known)
        needed = {each for span in self._windows for each in span.days(day)}
        carried = {each for each in (last.covered & needed) - covered if each >= table.shape.first}
        yield from carry_over(last.table, table, carried)
        return restated, covered | carried

    def _snapshot(
        self, day: date, windows: Sequence[Window], sums: Sums, folding: Fold, table: Table
    ) -> Work[Snapshot]:
        names = ("account", *self._labels)
        endpoints = LabelSets(names, [(self._account, *row) for row in folding.rows])
        yield
        families = []
        for each, totals in zip(windows, sums.windows, strict=True):
            for declaration, values in zip(_measures(each, self._labels), totals, strict=True):
                families.append(Family(declaration, endpoints, column(folding, values)))
                yield
        account = LabelSets(("account",), [(self._account,)])
        families.append(Family(DAY_TIMESTAMP, account, array("d", [midnight(day).timestamp()])))
        families.append((yield from self._info(folding, table)))
        yield
        return Snapshot(tuple(families))

    def _info(self, folding: Fold, table: Table) -> Work[Family]:
        """Return the names of every published endpoint but `other`; one series each, or joins would fail."""
        declaration = _endpoint_info(self._labels)
        seen: dict[Key, tuple[int, Key]] = {}
        for steps, (row, members) in enumerate(zip(folding.rows, folding.members, strict=True)):
            if steps % KEYS_PER_STEP == 0:
                yield
            if table.keys.get(row) == members[0] and len(members) == 1:
                values: dict[str, str] = dict(zip(self._labels, row, strict=True))
                place, permaslug = table.permaslugs[members[0]]
                values |= {"account": self._account, "model_permaslug": permaslug}
                key = tuple(values[name] for name in declaration.labels if name != "model_permaslug")
                named = (place, tuple(values[name] for name in declaration.labels))
                seen[key] = max(seen.get(key, named), named)
        names = [labels for _, labels in seen.values()]
        return Family(declaration, LabelSets(declaration.labels, names), array("d", [1.0]) * len(names))


DAY_TIMESTAMP = Declaration(
    "openrouter_activity_day_timestamp_seconds",
    f"Start of the latest completed UTC day that the activity gauges describe, as Unix time in seconds. {_POLLED}",
    ("account",),
)


def _key_labels(settings: Activity) -> tuple[KeyLabel, ...]:
    return tuple(
        label
        for label in KEY_LABELS
        if label not in settings.drop_labels and (label != "workspace_id" or settings.split_by == "workspace")
    )


def _measures(each: Window, labels: tuple[KeyLabel, ...]) -> tuple[Declaration, ...]:
    prefix = f"openrouter_activity_{each.name}_" if each.name else "openrouter_activity_"
    return tuple(
        Declaration(prefix + measure, f"{_MEANINGS[measure]}, {_span(each)}. {_POLLED}", ("account", *labels))
        for measure in MEASURES
    )


def _span(each: Window) -> str:
    if each.length == 1:
        return "on the latest completed UTC day"
    if each.length is None:
        return "from the first of the month to the latest completed UTC day"
    return f"over the {each.length} UTC days that end with the latest completed one"


def _endpoint_info(labels: tuple[KeyLabel, ...]) -> Declaration:
    wanted = ("endpoint_id", "model", "model_permaslug", "provider")
    kept = tuple(name for name in wanted if name in labels or (name == "model_permaslug" and "model" in labels))
    return Declaration(
        "openrouter_activity_endpoint_info",
        f"Names of an endpoint with use in the API's 30 days; the value is 1. {_POLLED}",
        ("account", *kept),
    )
