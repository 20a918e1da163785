"""`GET /activity`: what each endpoint did on the latest completed UTC day and over windows that end with it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import get_args

from exporter.api.activity_rows import REJECTION_REASONS
from exporter.api.client import Request
from exporter.api.organization_rows import KEY_REJECTION_REASONS, Member
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors import paging
from exporter.collectors.activity.activity_families import (
    DAY_TIMESTAMP,
    endpoint_info,
    key_labels,
    measures,
    member_info,
)
from exporter.collectors.activity.activity_reader import Moment, fill, moment_of, refuse_unusable
from exporter.collectors.activity.activity_settings import ActivitySettings, MemberLabel
from exporter.collectors.activity.aggregation import Fold, Sums, column, fold, spend_by_day, sum_up
from exporter.collectors.activity.carry_over import carry_over, restated_rows
from exporter.collectors.activity.split import Reading, describe_members, list_parts, read_parts, refuse_changed
from exporter.collectors.activity.unattributed import add_unattributed
from exporter.collectors.activity.usage_table import Key, Shape, Table
from exporter.collectors.activity.windows import DAY, LATEST_DAY, Window, latest_completed_day, midnight, window
from exporter.collectors.base import Collected, Collector, Poll
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

# The oldest day that a window can reach: the 31-day month to date, read on the day after next before it settled.
OLDEST_DAYS_BACK = 32

OPERATION = "activity"

# What is asked besides, and which rows of that can be unusable.
_MORE_OPERATIONS = {"api_key": (paging.WORKSPACES, paging.KEYS), "member": (paging.MEMBERS,)}
_MORE_REASONS = {"api_key": tuple(each for each in KEY_REJECTION_REASONS if each not in REJECTION_REASONS)}


@dataclass(frozen=True, slots=True)
class _Read:
    """What the last successful poll leaves for the next one. `covered` are the days that `table` holds whole."""

    digest: bytes
    day: date
    table: Table
    covered: frozenset[date]
    rejections: Rejections


class ActivityCollector(Collector[ActivitySettings]):
    """Reads the account's activity; the last poll's table is its memory, and nothing older."""

    name = "activity"
    settings_type = ActivitySettings
    title = "Usage"
    resource = "GET /activity"
    text = """\
Windows are configurable (`collectors.activity.windows`); these are the default's. A dropped label (`drop_labels`) is
left out. With `split_by`, the families with a number have one label more:

| `split_by` | label | names are in |
|---|---|---|
| `workspace` | `workspace_id` |  |
| `api_key` | `key`, or `unattributed` | `openrouter_key_info`, on the same `key` |
| `member` | `user_id`, or `unattributed` | `openrouter_member_info` |

`openrouter_member_info` has only those labels that `member_labels` names: by default `name`.
"""
    requests = "1; with [a split](configuration.md#use-by-workspace-key-or-member) by key or member 1 more for each"

    def __init__(self, account: str, settings: ActivitySettings) -> None:
        super().__init__(account, settings)
        self._windows = (LATEST_DAY, *map(window, settings.windows))
        self._labels = key_labels(settings)
        self._member_info = member_info(settings)
        self.operations: tuple[str, ...] = (OPERATION, *_MORE_OPERATIONS.get(settings.split_by, ()))
        self.rejection_reasons: tuple[str, ...] = (*REJECTION_REASONS, *_MORE_REASONS.get(settings.split_by, ()))

    @property
    def identity(self) -> ActivitySettings:
        """Return the settings, less those that only say when."""
        return replace(self.settings.timeless(), settle_delay=0.0, empty_day_after=0.0)

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return every family: the measures of each window, the day, the endpoints' names, the members'."""
        return (
            *(declaration for each in self._windows for declaration in measures(each, self._labels)),
            DAY_TIMESTAMP,
            endpoint_info(self._labels),
            *self._member_info,
        )

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return the families of the default settings, and that of members with all its labels."""
        members = ActivitySettings(split_by="member", member_labels=get_args(MemberLabel))
        return (*super().documented(), *member_info(members))

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the whole answer. It replaces what was there; the same bytes for the same days cost a hash."""
        last = memory if isinstance(memory, _Read) else None
        if self.settings.split_by in _MORE_OPERATIONS:
            return await self._collect_parts(poll, last)
        answer = await poll.request(self._request())
        moment = moment_of(poll.instant, (answer.date,))
        if last is not None and self._still_holds(last, answer.digest, moment):
            poll.rejections.update(last.rejections)
            return Collected(snapshot=None, memory=last)
        with poll.reading(OPERATION):
            return await self._read(answer, moment, poll, last)

    async def _collect_parts(self, poll: Poll, last: _Read | None) -> Collected:
        """Read one answer for each key or member, and two for the whole."""
        shape = self._shape(poll.instant.date())
        parts = await list_parts(poll, self.settings, shape.first)
        reading = await read_parts(poll, self._request(), parts, shape)
        moment = moment_of(poll.instant, reading.dates)
        if last is not None and self._still_holds(last, reading.digest, moment):
            return Collected(snapshot=None, memory=last)
        with poll.reading(OPERATION):
            return await self._read_parts(reading, parts.members, moment, poll, last)

    def _request(self) -> Request:
        filters = self.settings.filters
        parameters = {
            "api_key_hash": filters.api_key_hash,
            "user_id": filters.user_id,
            "workspace_id": filters.workspace_id,
            "group_by": "workspace" if self.settings.split_by == "workspace" else None,
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
            settle=self.settings.settle_delay,
            empty_after=self.settings.empty_day_after,
            days_with_rows={first + DAY * place for place in table.days_with_rows},
        )

    def _still_holds(self, last: _Read, digest: bytes, moment: Moment) -> bool:
        """Return whether the same bytes, read at this moment, would lead to what is published."""
        return (
            digest == last.digest and self._day(moment.now, last.table) == last.day and moment.covered <= last.covered
        )

    async def _read(self, answer: Response, moment: Moment, poll: Poll, last: _Read | None) -> Collected:
        moment.refuse_wrong_clock()
        table = Table(self._shape(poll.instant.date()))
        await fill(poll.pause, table, answer, poll.rejections)
        refuse_unusable(table, poll.rejections)
        return await self._collected(table, answer.digest, moment, poll, last)

    async def _read_parts(
        self, reading: Reading, members: Sequence[Member], moment: Moment, poll: Poll, last: _Read | None
    ) -> Collected:
        moment.refuse_wrong_clock()
        table = reading.parts
        table.days_with_rows |= reading.whole.days_with_rows
        day = self._day(moment.now, table)
        settled = {each for each in moment.covered if each <= day}
        await refuse_changed(poll.pause, reading, settled)
        await add_unattributed(poll.pause, table, reading.whole, {(each - table.shape.first).days for each in settled})
        return await self._collected(table, reading.digest, moment, poll, last, members=members)

    async def _collected(
        self,
        table: Table,
        digest: bytes,
        moment: Moment,
        poll: Poll,
        last: _Read | None,
        *,
        members: Sequence[Member] = (),
    ) -> Collected:
        day, covered = self._day(moment.now, table), moment.covered
        restated = 0
        if last is not None:
            restated, covered = await self._compare(poll.pause, last, table, day, covered)
        windows = [each for each in self._windows if covered.issuperset(each.days(day))]
        sums = await sum_up(poll.pause, table, [each.days(day) for each in windows])
        folding = await fold(poll.pause, table, self.settings.max_endpoints)
        await poll.pause()
        snapshot = await self._snapshot(poll.pause, day, windows, sums, folding, table=table, members=members)
        return Collected(
            snapshot=snapshot,
            memory=_Read(digest, day, table, covered, poll.rejections),
            day=day,
            restated=restated,
            folded=folding.folded,
            spend=spend_by_day(table, sums),
        )

    def _shape(self, today: date) -> Shape:
        return Shape(self._labels, self._takes_model, today - OLDEST_DAYS_BACK * DAY, today)

    def _takes_model(self, model: str) -> bool:
        include, exclude = self.settings.include, self.settings.exclude
        included = not include or any(pattern.fullmatch(model) for pattern in include)
        return included and not any(pattern.fullmatch(model) for pattern in exclude)

    async def _compare(
        self, pause: Pause, last: _Read, table: Table, day: date, covered: frozenset[date]
    ) -> tuple[int, frozenset[date]]:
        """Count restated rows of days read before, and carry over the days that only the last table still holds."""
        known = {each for each in last.covered & covered if each <= last.day}
        restated = await restated_rows(pause, last.table, table, known)
        needed = {each for span in self._windows for each in span.days(day)}
        carried = {each for each in (last.covered & needed) - covered if each >= table.shape.first}
        await carry_over(pause, last.table, table, carried)
        return restated, covered | carried

    async def _snapshot(
        self,
        pause: Pause,
        day: date,
        windows: Sequence[Window],
        sums: Sums,
        folding: Fold,
        *,
        table: Table,
        members: Sequence[Member],
    ) -> Snapshot:
        names = ("account", *self._labels)
        endpoints = LabelSets(names, [(self.account, *row) for row in folding.rows])
        await pause()
        families = []
        for each, totals in zip(windows, sums.windows, strict=True):
            for declaration, values in zip(measures(each, self._labels), totals, strict=True):
                families.append(Family(declaration, endpoints, column(folding, values)))
                await pause()
        account = LabelSets(("account",), [(self.account,)])
        families.append(Family(DAY_TIMESTAMP, account, array("d", [midnight(day).timestamp()])))
        families.append(await self._info(pause, folding, table))
        families += [describe_members(declaration, self.account, members) for declaration in self._member_info]
        await pause()
        return Snapshot(tuple(families))

    async def _info(self, pause: Pause, folding: Fold, table: Table) -> Family:
        """Return the names of every published endpoint but `other`; one series each, or joins would fail."""
        declaration = endpoint_info(self._labels)
        seen: dict[Key, tuple[int, Key]] = {}
        for row, members in zip(folding.rows, folding.members, strict=True):
            await pause()
            if table.keys.get(row) == members[0] and len(members) == 1:
                values: dict[str, str] = dict(zip(self._labels, row, strict=True))
                place, permaslug = table.permaslugs[members[0]]
                values |= {"account": self.account, "model_permaslug": permaslug}
                key = tuple(values[name] for name in declaration.labels if name != "model_permaslug")
                named = (place, tuple(values[name] for name in declaration.labels))
                seen[key] = max(seen.get(key, named), named)
        names = [labels for _, labels in seen.values()]
        return Family(declaration, LabelSets(declaration.labels, names), array("d", [1.0]) * len(names))
