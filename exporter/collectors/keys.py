"""`GET /keys`: what each key of every workspace spent, and what is left of its limit."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from exporter.api.organization_rows import KEY_REJECTION_REASONS, USAGE_FIELDS, KeyRow, Workspace
from exporter.clock import Pause
from exporter.collectors import paging
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.spending_and_limits import POLLED, difference, known, limits, spending
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.value_types import whole_number
from exporter.errors import InvalidResponse
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

PREFIX = "openrouter_key"
LABELS = ("account", "key")
OTHER = "other"
KEYS_PER_STEP = 128
_LIFETIME = (0, len(USAGE_FIELDS))  # places of the amounts since the key was made: credits, own keys

SPENDING = spending(PREFIX, LABELS)
LIMITS = limits(PREFIX, LABELS)
DISABLED = MetricFamily(f"{PREFIX}_disabled", f"1 if the key is disabled, else 0. {POLLED}", LABELS)
EXPIRES = MetricFamily(
    f"{PREFIX}_expires_timestamp_seconds",
    f"When the key expires, as Unix time in seconds; absent if it never does. {POLLED}",
    LABELS,
)
LAST_USED = MetricFamily(
    f"{PREFIX}_last_used_timestamp_seconds",
    f"When the key was last used, as Unix time in seconds; absent if it never was. {POLLED}",
    LABELS,
)
_NAMES = ("name", "label", "workspace", "limit_reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSettings(CollectorSettings):
    """The collector of `GET /keys`: what each key used, and its limit."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 3600.0
    include_disabled: Annotated[bool, "Whether keys that are disabled are shown too."] = True
    include_expired: Annotated[
        bool, "Whether keys that have expired are shown too, until they are deleted; as a rule they pile up."
    ] = False
    show_creator: Annotated[
        bool, "Whether `openrouter_key_info` has the label `creator_user_id`, which names a person."
    ] = False
    max_keys: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "The keys that spent least beyond this many are folded into `other`; totals stay right.",
    ] = 1000

    @property
    def least_requests(self) -> int:
        """One request for the workspaces, one for the keys of each."""
        return 2


@dataclass(frozen=True, slots=True)
class _Read:
    """What the last successful poll leaves for the next one."""

    workspaces: list[Workspace]
    keys: list[KeyRow]


class KeysCollector(Collector[KeysSettings]):
    """Reads the keys of all workspaces; the last poll's rows are its memory."""

    name = "keys"
    settings_type = KeysSettings
    title = "Keys"
    resource = "GET /keys"
    text = """\
`key` is the first 12 digits of the key's hash (all of them where two keys begin alike); what people call it is in
`openrouter_key_info`, so that a new name breaks no series. The limit holds for one reset interval: what is used of it
is limit minus remaining, never the spending since the key was made. With `show_creator` the names include
`creator_user_id`; beyond `max_keys` the spending of the others is summed under `other`.
"""
    requests = "1 for the workspaces, 1 for every 100 keys of each workspace"
    operations = (paging.WORKSPACES, paging.KEYS)
    rejection_reasons = KEY_REJECTION_REASONS

    def __init__(self, account: str, settings: KeysSettings) -> None:
        super().__init__(account, settings)
        names = (*_NAMES, "creator_user_id") if settings.show_creator else _NAMES
        self._info = MetricFamily(f"{PREFIX}_info", f"Names of a key; the value is 1. {POLLED}", (*LABELS, *names))

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of spending, limits, state and names."""
        return (*SPENDING, *LIMITS, DISABLED, EXPIRES, LAST_USED, self._info)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read all pages of all workspaces. The same rows as last time publish nothing."""
        workspaces = await paging.workspaces(poll)
        keys = await paging.keys(
            poll,
            include_disabled=self.settings.include_disabled,
            include_expired=self.settings.include_expired,
            within=workspaces,
        )
        if poll.rejections.counts and not keys:
            # Publishing nothing would look as if there were no keys.
            raise InvalidResponse(f"none of the keys is usable, such as {poll.rejections.sample[0]}")
        read = _Read(workspaces, keys)
        if isinstance(memory, _Read) and await _same(poll.pause, memory, read):
            return Collected(snapshot=None, memory=memory)
        shown, others = await _fold(poll.pause, keys, self.settings.max_keys)
        snapshot = await self._snapshot(poll.pause, read, shown, others)
        return Collected(snapshot=snapshot, memory=read, folded=len(others))

    async def _snapshot(self, pause: Pause, read: _Read, shown: Sequence[KeyRow], others: Sequence[KeyRow]) -> Snapshot:
        labels = await _labels(pause, read.keys)
        names: list[tuple[str, ...]] = []
        for block in _blocks(shown):
            names.extend((self.account, labels[key.hash]) for key in block)
            await pause()
        each_key = LabelSets(LABELS, names)
        with_other = LabelSets(LABELS, [*names, (self.account, OTHER)]) if others else each_key
        await pause()
        families = []
        for place, declaration in enumerate(SPENDING):
            values = array("d")
            for block in _blocks(shown):
                values.extend([known(key.usage[place]) for key in block])
                await pause()
            if others:
                values.append(math.fsum(known(key.usage[place]) for key in others))
            families.append(Family(declaration, with_other, values))
            await pause()
        numbers = (
            (LIMITS[0], lambda key: known(key.limit)),
            (LIMITS[1], lambda key: known(key.limit_remaining)),
            (LIMITS[2], lambda key: difference(key.limit, key.limit_remaining)),
            (DISABLED, lambda key: known(key.disabled)),
            (EXPIRES, lambda key: known(key.expires_at)),
            (LAST_USED, lambda key: known(key.last_used_at)),
        )
        for declaration, number in numbers:
            values = array("d")
            for block in _blocks(shown):
                values.extend(map(number, block))
                await pause()
            families.append(Family(declaration, each_key, values))
        families.append(await self._names(pause, read.workspaces, shown, names))
        return Snapshot(tuple(families))

    async def _names(
        self, pause: Pause, workspaces: Sequence[Workspace], shown: Sequence[KeyRow], names: Sequence[tuple[str, ...]]
    ) -> Family:
        called = {each.id: each.name for each in workspaces}
        rows: list[tuple[str, ...]] = []
        for block in _blocks(shown):
            for key in block:
                place = key.workspace_id or ""
                texts = (key.name, key.label, called.get(place) or place, key.limit_reset)
                creator = (key.creator_user_id,) if self.settings.show_creator else ()
                rows.append((*names[len(rows)], *(text or "" for text in (*texts, *creator))))
            await pause()
        return Family(self._info, LabelSets(self._info.labels, rows), array("d", [1.0]) * len(rows))


def _blocks(keys: Sequence[KeyRow]) -> list[Sequence[KeyRow]]:
    return [keys[start : start + KEYS_PER_STEP] for start in range(0, len(keys), KEYS_PER_STEP)]


async def _same(pause: Pause, last: _Read, read: _Read) -> bool:
    if last.workspaces != read.workspaces or len(last.keys) != len(read.keys):
        return False
    for before, now in zip(_blocks(last.keys), _blocks(read.keys), strict=True):
        if before != now:
            return False
        await pause()
    return True


async def _fold(pause: Pause, keys: Sequence[KeyRow], most: int) -> tuple[list[KeyRow], list[KeyRow]]:
    """Return the `most` keys that spent most since they were made, in the API's order, and the others."""
    if len(keys) <= most:
        return list(keys), []
    sizes = array("d")
    for block in _blocks(keys):
        sizes.extend(-math.fsum(key.usage[place] or 0.0 for place in _LIFETIME) for key in block)
        await pause()
    by_size = sorted(range(len(keys)), key=sizes.__getitem__)
    await pause()
    kept = set(by_size[:most])
    shown = [key for place, key in enumerate(keys) if place in kept]
    await pause()
    return shown, [key for place, key in enumerate(keys) if place not in kept]


async def _labels(pause: Pause, keys: Sequence[KeyRow]) -> dict[str, str]:
    """Return each key's label; those whose hashes begin alike are looked at together."""
    alike: dict[str, list[str]] = {}
    for block in _blocks(keys):
        for key in block:
            alike.setdefault(paging.key_label(key.hash), []).append(key.hash)
        await pause()
    labels: dict[str, str] = {}
    for group in alike.values():
        labels.update(paging.key_labels(group))
        await pause()
    return labels
