"""`GET /activity`: usage by endpoint on the latest completed UTC day, and over windows that end with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Literal, get_args

from exporter.api.activity_rows import REJECTION_REASONS
from exporter.api.client import Request
from exporter.api.organization_rows import KEY_REJECTION_REASONS, Member, Workspace
from exporter.api.rejections import Rejections
from exporter.clock import Pause
from exporter.collectors import paging
from exporter.collectors.activity.activity_families import (
    DAY_TIMESTAMP,
    endpoint_info,
    key_labels,
    measures,
    names_of_parts,
)
from exporter.collectors.activity.activity_reader import Moment, fill, moment_of
from exporter.collectors.activity.activity_settings import ActivitySettings, MemberLabel
from exporter.collectors.activity.aggregation import Sums, size_of, spend_by_day, sum_up
from exporter.collectors.activity.carry_over import carry_over, restated_rows
from exporter.collectors.activity.model_usage import used_models
from exporter.collectors.activity.split import (
    describe_members,
    describe_workspaces,
    list_parts,
    read_parts,
    refuse_changed,
)
from exporter.collectors.activity.unattributed import add_unattributed
from exporter.collectors.activity.usage_table import Key, Shape, Table
from exporter.collectors.activity.windows import LATEST_DAY, Window, latest_completed_day, window
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import info, single
from exporter.collectors.days import DAY, midnight
from exporter.collectors.folding import Fold, fold_into_other
from exporter.collectors.measures import MONEY
from exporter.collectors.subjects import Subject, workspace_subjects
from exporter.collectors.tops import spend_by_name, top
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

# The oldest day that a window can reach: the first of a month of 31 days, on the second of the next before it settled.
OLDEST_DAYS_BACK = 32

# The largest endpoints are known only once all rows are read, so the table holds more than are published.
KEYS_PER_ENDPOINT = 8
FEWEST_KEYS = 20_000

OPERATION = "activity"
THIRTY_DAYS = window("30d")  # what the page shows, whatever windows are published

# The lists that a split needs, and the reasons to reject their rows.
_MORE_OPERATIONS = {
    "workspace": (paging.WORKSPACES,),
    "api_key": (paging.WORKSPACES, paging.KEYS),
    "member": (paging.MEMBERS,),
}
_MORE_REASONS = {"api_key": tuple(reason for reason in KEY_REJECTION_REASONS if reason not in REJECTION_REASONS)}


@dataclass(frozen=True, slots=True)
class ReadActivity:
    """An account's usage as it was read: `table` holds the `covered` days whole, and `day` is the latest completed one.

    `digest` identifies the responses, and `rejections` has their unusable rows. With a split, `members` or `workspaces`
    have the names of its parts, and `subjects` are these parts. With a split by key or member, `whole` is the usage
    without the split.
    """

    digest: bytes
    day: date
    table: Table
    covered: frozenset[date]
    rejections: Rejections
    members: Sequence[Member] = ()
    workspaces: Sequence[Workspace] = ()
    whole: Table | None = None
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class DayShown:
    """The families of one latest day, and what they were made of: the windows, their sums, and the folded endpoints."""

    families: tuple[Family, ...]
    windows: Sequence[Window]
    sums: Sums
    fold: Fold


class ActivityCollector(Collector[ActivitySettings]):
    """Reads the account's activity. Its memory is the table of the previous poll, and nothing older."""

    name = "activity"
    settings_type = ActivitySettings
    title = "Usage"
    resource = "GET /activity"
    text = """\
Windows are configurable (`collectors.activity.windows`); these are the default's. A dropped label (`drop_labels`) is
left out. With `split_by`, the families with a number have one label more:

| `split_by` | label | names are in |
|---|---|---|
| `workspace` | `workspace_id` | `openrouter_workspace_info` |
| `api_key` | `key`, or `unattributed` | `openrouter_key_info`, on the same `key` (collector `keys`) |
| `member` | `user_id`, or `unattributed` | `openrouter_member_info` |

`openrouter_member_info` has only the labels that `member_labels` names, by default `name`.
"""
    requests = "1; with [a split](configuration.md#usage-by-workspace-key-or-member) by key or member 1 more for each"

    def __init__(self, account: str, settings: ActivitySettings, *, exact: bool = False) -> None:
        super().__init__(account, settings)
        self._exact = exact
        self._windows = (LATEST_DAY, *map(window, settings.windows))
        self._labels = key_labels(settings)
        self._endpoint_info = endpoint_info(self._labels)
        self._names_of_parts = names_of_parts(settings)
        self.operations = (OPERATION, *_MORE_OPERATIONS.get(settings.split_by, ()))
        self.rejection_reasons = (*REJECTION_REASONS, *_MORE_REASONS.get(settings.split_by, ()))

    @property
    def identity(self) -> ActivitySettings:
        """Return the settings that decide which data are published."""
        return replace(self.settings.timeless(), settle_delay=0.0, empty_day_after=0.0)

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the measures of each window, the day, and the names of endpoints and members."""
        return (
            *(metric for window_ in self._windows for metric in measures(window_, self._labels)),
            DAY_TIMESTAMP,
            self._endpoint_info,
            *self._names_of_parts,
        )

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return the families of the default settings, and those of names that a split adds."""
        members = ActivitySettings(split_by="member", member_labels=get_args(MemberLabel))
        workspaces = ActivitySettings(split_by="workspace")
        return (*super().documented(), *names_of_parts(members), *names_of_parts(workspaces))

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read all activity. It replaces what was published. The same bytes for the same days are only hashed."""
        last = memory if isinstance(memory, ReadActivity) else None
        usage = await self.read(poll, last)
        if usage is None:
            return Collected(snapshot=None, memory=last)
        with poll.reading(OPERATION):
            return await self._collected(usage, poll, last)

    async def read(self, poll: Poll, last: ReadActivity | None = None) -> ReadActivity | None:
        """Return the account's usage, None if what the last poll published still holds. Raises PollError."""
        if self.settings.split_by in ("api_key", "member"):
            return await self._read_split(poll, last)
        workspaces = tuple(await paging.workspaces(poll)) if self.settings.split_by == "workspace" else ()
        response = await poll.request(self._request())
        moment = moment_of(poll.instant, (response.date,))
        digest = response.digest + repr(workspaces).encode()
        if last is not None and self._still_holds(last, digest, moment):
            poll.rejections.update(last.rejections)
            return None
        with poll.reading(OPERATION):
            moment.refuse_wrong_clock()
            table = Table(self._shape(poll.today))
            await fill(poll.pause, table, response, poll.rejections)
            poll.rejections.refuse_all("rows", table.usable)
            table.count_lacking(poll.rejections)
        return ReadActivity(
            digest,
            self._day(moment, table),
            table,
            moment.covered_by(table),
            poll.rejections,
            workspaces=workspaces,
            subjects=workspace_subjects(workspaces),
        )

    async def _read_split(self, poll: Poll, last: ReadActivity | None) -> ReadActivity | None:
        """Read one response for each key or member, and two for the account as a whole."""
        shape = self._shape(poll.today)
        parts = await list_parts(poll, self.settings, shape.first)
        split = await read_parts(poll, self._request(), parts, shape)
        moment = moment_of(poll.instant, split.dates)
        if last is not None and self._still_holds(last, split.digest, moment):
            return None
        with poll.reading(OPERATION):
            moment.refuse_wrong_clock()
            table = split.parts
            table.days_with_rows |= split.whole.days_with_rows
            day, covered = self._day(moment, table), moment.covered_by(table)
            settled = {known for known in covered if known <= day}
            await refuse_changed(poll.pause, split, settled)
            await add_unattributed(poll.pause, table, split.whole, set(map(table.shape.offset, settled)))
        return ReadActivity(
            split.digest,
            day,
            table,
            covered,
            poll.rejections,
            members=parts.members,
            whole=split.whole,
            subjects=parts.subjects,
        )

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

    def _shape(self, today: date) -> Shape:
        most_keys = max(FEWEST_KEYS, KEYS_PER_ENDPOINT * self.settings.max_endpoints)
        return Shape(self._labels, self.settings.takes, today - OLDEST_DAYS_BACK * DAY, today, most_keys, self._exact)

    def _day(self, moment: Moment, table: Table) -> date:
        day = latest_completed_day(
            moment.now,
            settle=self.settings.settle_delay,
            empty_after=self.settings.empty_day_after,
            days_with_rows={table.shape.first + DAY * offset for offset in table.days_with_rows},
        )
        return day if moment.servers or table.last_day is None else min(day, table.last_day)

    def _still_holds(self, last: ReadActivity, digest: bytes, moment: Moment) -> bool:
        """Return whether responses with this digest, read at this moment, would change nothing that is published."""
        return (
            digest == last.digest
            and self._day(moment, last.table) == last.day
            and moment.covered_by(last.table) <= last.covered
        )

    async def _collected(self, usage: ReadActivity, poll: Poll, last: ReadActivity | None) -> Collected:
        restated = 0
        if last is not None:
            restated, covered = await self._compare(poll.pause, last, usage)
            usage = replace(usage, covered=covered)
        shown = await self.show(poll.pause, usage)
        totals = shown.sums.windows[shown.windows.index(THIRTY_DAYS)] if THIRTY_DAYS in shown.windows else None
        spend = {} if totals is None else await self._spend_by_name(poll.pause, usage.table, totals)
        return Collected(
            snapshot=Snapshot(shown.families),
            memory=replace(usage, members=(), workspaces=(), whole=None, subjects=()),
            summary=Summary(
                day=usage.day,
                folded=shown.fold.folded + usage.table.overflow,
                spend=spend_by_day(usage.table, shown.sums),
                tops=tuple(top(label, "30d", amounts) for label, amounts in spend.items()),
                used_models=await used_models(poll.pause, usage.table, self._labels, totals, spend.get("model")),
                # Keys are subjects of the collector `keys`.
                subjects=tuple(subject for subject in usage.subjects if subject.label != "key"),
            ),
            restated=restated,
        )

    async def show(self, pause: Pause, usage: ReadActivity) -> DayShown:
        """Return the families of the usage's latest day."""
        table, day = usage.table, usage.day
        windows = [window_ for window_ in self._windows if usage.covered.issuperset(window_.days(day))]
        month = usage.covered.issuperset(THIRTY_DAYS.days(day))
        summed = [*windows, THIRTY_DAYS] if month and THIRTY_DAYS not in windows else windows
        sums = await sum_up(pause, table, [window_.days(day) for window_ in summed])
        fold = await fold_into_other(
            pause, list(table.keys), partial(size_of, table), self.settings.max_endpoints, table.shape.other
        )
        await pause()
        families = await self._measures(pause, windows, sums, fold)
        families.append(single(DAY_TIMESTAMP, self.account, midnight(day).timestamp()))
        families.append(await self._endpoints(pause, fold, table))
        for metric in self._names_of_parts:
            used = {labels[-1] for labels in fold.labels}  # a split's label is the last one
            families.append(
                describe_members(metric, self.account, usage.members)
                if self.settings.split_by == "member"
                else describe_workspaces(metric, self.account, usage.workspaces, sorted(used))
            )
        await pause()
        return DayShown(tuple(families), summed, sums, fold)

    async def _spend_by_name(
        self, pause: Pause, table: Table, totals: Sequence[Sequence[float]]
    ) -> dict[Literal["model", "key"], dict[str, float]]:
        """Return the spend of each model, and with a split by key of each key, in the 30 days to the latest day."""
        named: tuple[Literal["model", "key"], ...] = ("model", "key")
        columns = {label: self._labels.index(label) for label in named if label in self._labels}
        money = [totals[measure] for measure in MONEY]
        return {
            label: await spend_by_name(pause, (key[column] for key in table.keys), money)
            for label, column in columns.items()
        }

    async def _compare(self, pause: Pause, last: ReadActivity, usage: ReadActivity) -> tuple[int, frozenset[date]]:
        """Count restated rows of days read before, and carry over the days that only the last table still holds."""
        table, day, covered = usage.table, usage.day, usage.covered
        read_before = {known for known in last.covered & covered if known <= last.day}
        restated = await restated_rows(pause, last.table, table, read_before)
        needed = {needed for window_ in self._windows for needed in window_.days(day)}
        carried = {gone for gone in (last.covered & needed) - covered if gone >= table.shape.first}
        await carry_over(pause, last.table, table, carried)
        return restated, covered | carried

    async def _measures(self, pause: Pause, windows: Sequence[Window], sums: Sums, fold: Fold) -> list[Family]:
        endpoints = LabelSets(("account", *self._labels), [(self.account, *labels) for labels in fold.labels])
        await pause()
        families = []
        for window_, totals in zip(windows, sums.windows, strict=False):  # the last sums may be for people alone
            for metric, values in zip(measures(window_, self._labels), totals, strict=True):
                families.append(Family(metric, endpoints, fold.sums(values)))
                await pause()
        return families

    async def _endpoints(self, pause: Pause, fold: Fold, table: Table) -> Family:
        """Return the names of every published endpoint but `other`; one sample each, or joins would fail."""
        metric = self._endpoint_info
        latest: dict[Key, tuple[int, Key]] = {}
        for labels, members in zip(fold.labels, fold.members, strict=True):
            await pause()
            is_one = table.keys.get(labels) == members[0] and len(members) == 1
            if is_one and not (table.overflow and labels == table.shape.other(labels)):
                day, permaslug = table.permaslugs[members[0]]
                values: dict[str, str] = dict(zip(self._labels, labels, strict=True))
                values |= {"account": self.account, "model_permaslug": permaslug}
                endpoint = tuple(values[name] for name in metric.labels if name != "model_permaslug")
                named = (day, tuple(values[name] for name in metric.labels))
                latest[endpoint] = max(latest.get(endpoint, named), named)
        return info(metric, [labels for _, labels in latest.values()])
