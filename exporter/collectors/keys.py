"""`GET /keys`: what each key of every workspace spent, and what is left of its limit."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Self

from exporter.api.organization_rows import KEY_REJECTION_REASONS, USAGE_FIELDS, KeyRow, Workspace
from exporter.clock import Pause
from exporter.collectors import paging
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import difference, gauge, info, known, limits, periods_of, spending, successors
from exporter.collectors.constants import OTHER, UNATTRIBUTED
from exporter.collectors.days import DAY, midnight
from exporter.collectors.folding import Size, fold_into_other, known_sum
from exporter.collectors.periods import end_of
from exporter.collectors.subjects import Subject, key_subjects
from exporter.collectors.tops import spend_by_name, top
from exporter.config.allocation_settings import Dimension
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.configuration import Account
from exporter.config.value_types import whole_number
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot
from exporter.status import Top

PREFIX = "openrouter_key"
LABELS = ("account", "key")
_LIFETIME, _TODAY, _WEEK, _MONTH = range(len(USAGE_FIELDS))

SPENDING = spending(PREFIX, LABELS)
LIMITS = limits(PREFIX, LABELS)
DISABLED = gauge(f"{PREFIX}_disabled", "1 if the key is disabled, else 0.", LABELS)
EXPIRES = gauge(
    f"{PREFIX}_expires_timestamp_seconds",
    "When the key expires, as Unix time in seconds. Absent if it never does.",
    LABELS,
)
LAST_USED = gauge(
    f"{PREFIX}_last_used_timestamp_seconds",
    "When the key was last used, as Unix time in seconds. Absent if it never was.",
    LABELS,
)
_NAMES = ("name", "label", "workspace", "workspace_id", "limit_reset")
_KEPT_DAYS = 33  # of the activity collector, the current day included

# What each key has besides spending.
_STATE: tuple[tuple[MetricFamily, Callable[[KeyRow], float]], ...] = (
    (LIMITS[0], lambda key: known(key.limit)),
    (LIMITS[1], lambda key: known(key.limit_remaining)),
    (LIMITS[2], lambda key: difference(key.limit, key.limit_remaining)),
    (DISABLED, lambda key: known(key.disabled)),
    (EXPIRES, lambda key: known(key.expires_at)),
    (LAST_USED, lambda key: known(key.last_used_at)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSettings(CollectorSettings):
    """The collector of `GET /keys`: what each key used, and its limit."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 3600.0
    include_disabled: Annotated[bool, "Whether keys that are disabled are shown too."] = True
    include_expired: Annotated[bool, "Whether expired keys are shown too, until they are deleted."] = False
    show_creator: Annotated[
        bool, "Whether `openrouter_key_info` has the label `creator_user_id`, which names a person."
    ] = False
    max_keys: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "The spending of the keys that spent least lately beyond this many is folded into `other`; totals stay right.",
    ] = 1000

    @property
    def least_requests(self) -> int:
        """One request for the workspaces, one for the keys of each."""
        return 2

    @property
    def named_parts(self) -> Collection[Dimension]:
        """Keys, each with its workspace and the id of its creator."""
        return ("key", "workspace", "member")


@dataclass(frozen=True, slots=True)
class LastKeys:
    """What a successful poll leaves for the next one."""

    day: date
    workspaces: list[Workspace]
    keys: list[KeyRow]
    hidden: frozenset[str]


class KeysCollector(Collector[KeysSettings]):
    """Reads the keys of all workspaces. Its memory is the rows of the previous poll."""

    name = "keys"
    settings_type = KeysSettings
    title = "Keys"
    resource = "GET /keys"
    text = """\
`key` is the first 12 digits of the key's hash, or all of them if two keys begin alike. Names are in
`openrouter_key_info`, so renaming a key starts no new series. A limit applies to one reset interval:
`openrouter_key_limit_used_usd` is the limit minus what remains, not the spend since the key was created. With
`show_creator`, `openrouter_key_info` has the label `creator_user_id`. Beyond `max_keys`, the spend of the smallest
keys, by recent spend, is summed as `other`; limits, expiry and names of all keys stay. With
`collectors.activity.split_by: api_key`, `openrouter_key_info` also has expired and disabled keys that were used
recently, and `unattributed`, so that a join with it loses no spend. When a day, week or month ends, what was spent in
it disappears at once, until the next poll.
"""
    requests = "1 for the workspaces, 1 for every 100 keys of each workspace"
    operations = (paging.WORKSPACES, paging.KEYS)
    rejection_reasons = KEY_REJECTION_REASONS

    def __init__(self, account: str, settings: KeysSettings, *, names_all: bool = False) -> None:
        super().__init__(account, settings)
        self._names_all = names_all
        names = (*_NAMES, "creator_user_id") if settings.show_creator else _NAMES
        self._info = gauge(f"{PREFIX}_info", "Names of a key. The value is 1.", (*LABELS, *names))

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the collector. With activity split by key, it names every key that activity has as a label."""
        split_by = account.collectors.of(ActivitySettings).split_by
        return cls(account.name, account.collectors.of(KeysSettings), names_all=split_by == "api_key")

    @property
    def identity(self) -> object:
        """Return what decides which data are published."""
        return (self.settings.timeless(), self._names_all)

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of spending, limits, state and names."""
        return (*SPENDING, *LIMITS, DISABLED, EXPIRES, LAST_USED, self._info)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read all pages of all workspaces. The same rows as last time publish nothing, unless a day has ended."""
        workspaces = await paging.workspaces(poll)
        keys = await paging.keys(
            poll,
            include_disabled=self.settings.include_disabled or self._names_all,
            include_expired=self.settings.include_expired or self._names_all,
            within=workspaces,
        )
        poll.rejections.refuse_all("keys", keys)
        await _count_lacking(poll, keys)
        now = poll.instant.timestamp()
        read = LastKeys(poll.today, workspaces, keys, frozenset(key.hash for key in keys if self._is_hidden(key, now)))
        if isinstance(memory, LastKeys) and await _same(poll.pause, memory, read):
            return Collected(snapshot=None, memory=memory)
        return await self._collected(poll.pause, read, now)

    def _is_hidden(self, key: KeyRow, now: float) -> bool:
        """Return whether a key was read for its name alone."""
        is_expired = key.expires_at is not None and key.expires_at <= now
        return (is_expired and not self.settings.include_expired) or (
            bool(key.disabled) and not self.settings.include_disabled
        )

    async def _collected(self, pause: Pause, read: LastKeys, now: float) -> Collected:
        labels = await _labels(pause, read.keys)
        keys = [key for key in read.keys if key.hash not in read.hidden]
        names = [(labels[key.hash],) for key in keys]
        fold = await fold_into_other(pause, names, lambda index: _size(keys[index]), self.settings.max_keys)
        every_key = LabelSets(LABELS, [(self.account, *name) for name in names])
        await pause()
        with_other = LabelSets(LABELS, [(self.account, *name) for name in fold.labels]) if fold.folded else every_key
        families = []
        columns = [await _column(pause, keys, partial(_amount, index)) for index in range(len(SPENDING))]
        for metric, values in zip(SPENDING, columns, strict=True):
            families.append(Family(metric, with_other, fold.sums(values)))
        for metric, value in _STATE:
            families.append(Family(metric, every_key, await _column(pause, keys, value)))
        families.append(await self._info_family(pause, read, labels, since=now - _KEPT_DAYS * DAY.total_seconds()))
        subjects = await _subjects(pause, read, labels)
        return Collected(
            snapshot=Snapshot(tuple(families)),
            memory=read,
            summary=Summary(
                folded=fold.folded,
                tops=await _tops(pause, [key.name for key in keys], [label for (label,) in names], columns, read.day),
                subjects=(*subjects, *(Subject("key", name) for name in self._sums(read))),
            ),
            successors=successors(families, periods_of(SPENDING), read.day),
        )

    async def _info_family(self, pause: Pause, read: LastKeys, labels: Mapping[str, str], since: float) -> Family:
        """Return the names of each key that is shown or may be a label of activity, and of labels for no single key."""
        workspaces = {workspace.id: workspace.name for workspace in read.workspaces}
        samples: list[tuple[str, ...]] = []
        for key in read.keys:
            if key.hash not in read.hidden or key.last_used_at is None or key.last_used_at >= since:
                workspace = key.workspace_id or ""
                texts = (key.name, key.label, workspaces.get(workspace) or workspace, workspace, key.limit_reset)
                creator = (key.creator_user_id,) if self.settings.show_creator else ()
                samples.append((self.account, labels[key.hash], *(text or "" for text in (*texts, *creator))))
            await pause()
        empty = ("",) * (len(self._info.labels) - 3)
        return info(self._info, [*samples, *((self.account, label, label, *empty) for label in self._sums(read))])

    def _sums(self, read: LastKeys) -> list[str]:
        """Return the labels that stand for several keys: a join with the names must not lose what they sum."""
        is_folded = len(read.keys) - len(read.hidden) > self.settings.max_keys
        return [OTHER] * is_folded + [UNATTRIBUTED] * self._names_all


async def _subjects(pause: Pause, read: LastKeys, labels: Mapping[str, str]) -> list[Subject]:
    subjects = []
    for subject in key_subjects(read.keys, labels, read.workspaces):
        subjects.append(subject)
        await pause()
    return subjects


async def _count_lacking(poll: Poll, keys: Sequence[KeyRow]) -> None:
    """Count the keys without an amount that other keys have: totals over all keys lack it."""
    reported: set[int] = set()
    for key in keys:
        reported.update(index for index, amount in enumerate(key.usage) if amount is not None)
        await poll.pause()
    for key in keys:
        poll.rejections.lacking += any(key.usage[index] is None for index in reported)
        await poll.pause()


def _size(key: KeyRow) -> Size:
    """Return what a key spent recently, and over its lifetime.

    Recently is this week or this month, whichever is more: on the first of a month the month alone would rank nothing.
    """
    return max(_spent(key, _WEEK), _spent(key, _MONTH)), _spent(key, _LIFETIME)


def _spent(key: KeyRow, period: int) -> float:
    return known_sum([known(amount) for amount in key.usage[period :: len(USAGE_FIELDS)]])  # credits, own provider keys


async def _tops(
    pause: Pause, names: Sequence[str | None], labels: Sequence[str], columns: Sequence[Sequence[float]], today: date
) -> tuple[Top, Top]:
    """Return the keys that spent most today and this month, by name; by name and label where several have one name."""
    common = Counter(names)
    shown = [
        label if not name else name if common[name] == 1 else f"{name} ({label})"
        for name, label in zip(names, labels, strict=True)
    ]
    by_period = [await spend_by_name(pause, shown, columns[period :: len(USAGE_FIELDS)]) for period in (_TODAY, _MONTH)]
    return (
        top("key", "today", by_period[0], midnight(today + DAY)),
        top("key", "month", by_period[1], midnight(end_of("month", today))),
    )


def _amount(index: int, key: KeyRow) -> float:
    return known(key.usage[index])


async def _column(pause: Pause, keys: Sequence[KeyRow], value: Callable[[KeyRow], float]) -> array[float]:
    values = array("d")
    for key in keys:
        values.append(value(key))
        await pause()
    return values


async def _same(pause: Pause, last: LastKeys, read: LastKeys) -> bool:
    about = (read.day, read.workspaces, read.hidden, len(read.keys))
    if (last.day, last.workspaces, last.hidden, len(last.keys)) != about:
        return False
    for before, now in zip(last.keys, read.keys, strict=True):
        if before != now:
            return False
        await pause()
    return True


async def _labels(pause: Pause, keys: Sequence[KeyRow]) -> dict[str, str]:
    """Return each key's label."""
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(paging.key_label(key.hash), []).append(key.hash)
        await pause()
    labels: dict[str, str] = {}
    for hashes in groups.values():
        labels.update(paging.key_labels(hashes))
        await pause()
    return labels
