"""`GET /activity` key by key or member by member: one response for each, besides that for the account as a whole.

The whole is requested before and after its parts. Days on which both are alike did not change in between, so on these
days the parts belong together.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from exporter.api.client import Request
from exporter.api.organization_rows import Member, Workspace
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors import paging
from exporter.collectors.activity.activity_reader import fill
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.carry_over import restated_rows
from exporter.collectors.activity.usage_table import Shape, Table
from exporter.collectors.base import Poll
from exporter.collectors.common import info
from exporter.collectors.constants import UNATTRIBUTED
from exporter.collectors.days import midnight
from exporter.collectors.subjects import Subject, key_subjects, member_subjects
from exporter.config.units import format_duration
from exporter.errors import DeadlineExceeded, PollError, StatusError
from exporter.exposition.families import Family, MetricFamily

MOST_AT_ONCE = 4
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Parts:
    """All keys, or all members; `noun` is "key" or "member".

    `values` has the value of the request's `parameter` that selects a part's usage, by the part's label.
    """

    noun: str
    parameter: str
    values: Mapping[str, str]
    members: tuple[Member, ...] = ()
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SplitUsage:
    """All responses of a poll: the parts' rows in one table, those of the whole in another.

    `dates` are the times of the Date headers. `before` is the whole before the parts, None if it did not change.
    """

    parts: Table
    whole: Table
    before: Response | None
    digest: bytes
    dates: tuple[datetime | None, ...]


async def list_parts(poll: Poll, settings: ActivitySettings, first: date) -> Parts:
    """Return the members, or the keys that may have been used since the `first` day, disabled and expired ones too."""
    if settings.split_by == "api_key":
        only = settings.filters.workspace_id
        workspaces = await paging.workspaces(poll) if only is None else [Workspace(only, "")]
        keys = await paging.keys(poll, within=workspaces)
        labels = paging.key_labels(sorted(key.hash for key in keys))
        start = midnight(first).timestamp()
        used = {key.hash for key in keys if key.last_used_at is None or key.last_used_at >= start}
        values = {label: hash_ for hash_, label in labels.items() if hash_ in used}
        return Parts("key", "api_key_hash", values, subjects=tuple(key_subjects(keys, labels, workspaces)))
    try:
        members = sorted(await paging.members(poll), key=lambda member: member.id)
    except StatusError as error:
        if error.status != NOT_FOUND:
            raise
        raise PollError(f"{error}; split_by: member needs the account of an organization") from None
    ids = {member.id: member.id for member in members}
    return Parts("member", "user_id", ids, tuple(members), member_subjects(members))


async def read_parts(poll: Poll, request: Request, parts: Parts, shape: Shape) -> SplitUsage:
    """Read the whole, each part, and the whole again. All or nothing. Raises PollError.

    Few responses are held at a time: they are added to the table in the order of the parts.
    """
    _refuse_too_many(poll, parts)
    before = await poll.request(request)
    table = Table(shape)
    digests: list[tuple[str, bytes]] = []
    dates = [before.date]
    requests = [
        replace(request, parameters={**request.parameters, parts.parameter: value}) for value in parts.values.values()
    ]
    async with aclosing(_in_order(poll, requests)) as responses:
        for label in parts.values:
            try:
                response = await anext(responses)
            except DeadlineExceeded as error:
                done = f"{len(digests)} of {len(requests)} {parts.noun}s were read (split_by)"
                raise DeadlineExceeded(f"{error}; {done}") from None
            digests.append((label, b"" if response is None else response.digest))
            if response is not None:
                dates.append(response.date)
                table.start_part(label)
                with poll.reading(request.operation):
                    await fill(poll.pause, table, response, poll.rejections)
    after = await poll.request(request)
    dates.append(after.date)
    whole, of_whole = Table(replace(shape, labels=shape.labels[:-1])), Rejections()
    with poll.reading(request.operation):
        await fill(poll.pause, whole, after, of_whole)
        poll.rejections.update(of_whole)
        of_whole.refuse_all("rows", whole.usable)
        whole.count_lacking(poll.rejections)
    digest = sha256(repr((digests, after.digest, parts.members)).encode()).digest()
    return SplitUsage(table, whole, None if before.digest == after.digest else before, digest, tuple(dates))


def describe_workspaces(
    metric: MetricFamily, account: str, workspaces: Sequence[Workspace], used: Iterable[str]
) -> Family:
    """Return one sample for each workspace that is listed or used: a join with the names must not lose spend."""
    names = dict.fromkeys(used, "") | {workspace.id: workspace.name for workspace in workspaces}
    return info(metric, [(account, id_, name or id_) for id_, name in names.items()])


def describe_members(metric: MetricFamily, account: str, members: Sequence[Member]) -> Family:
    """Return one sample for each member and for `unattributed`, with the configured labels and no others."""
    samples = []
    members = [*members, Member(UNATTRIBUTED, first_name=UNATTRIBUTED)]
    for member in members:
        values = {
            "user_id": member.id,
            "name": member.full_name,
            "email": member.email or "",
            "role": member.role or "",
        }
        samples.append((account, *(values[label] for label in metric.labels[1:])))
    return info(metric, samples)


async def refuse_changed(pause: Pause, usage: SplitUsage, settled: Iterable[date]) -> None:
    """Raise PollError if rows of these days changed while the parts were read one by one."""
    if usage.before is None:
        return
    before = Table(usage.whole.shape)
    await fill(pause, before, usage.before, Rejections())
    changed = await restated_rows(pause, before, usage.whole, settled)
    if changed:
        raise PollError(f"{changed} rows changed while the parts of the split were read; the next poll retries")


def _refuse_too_many(poll: Poll, parts: Parts) -> None:
    """Raise DeadlineExceeded if the rate limit leaves no time for all requests: none is better than most of them."""
    limit, now = copy.deepcopy(poll.client.limit), poll.clock.monotonic()
    slots = [limit.take(now, math.inf) for _ in range(len(parts.values) + 2)]
    if slots[-1] < poll.deadline:
        return
    needed, left = (format_duration(math.ceil(until - now)) for until in (slots[-1], poll.deadline))
    raise DeadlineExceeded(
        f"{len(parts.values)} {parts.noun}s cannot be read within one poll: {len(slots)} requests take {needed} at the "
        f"account's rate limit (upstream.requests_per_minute), but {left} remain until the poll deadline "
        "(upstream.retries.backoff.max_elapsed_time); raise one of them, or narrow collectors.activity.filters"
    )


async def _in_order(poll: Poll, requests: Sequence[Request]) -> AsyncGenerator[Response | None, None]:
    """Yield the responses in the requests' order, a few requested at a time; None for a part that is not found."""
    waiting: deque[asyncio.Task[Response | None]] = deque()
    try:
        for request in requests:
            if len(waiting) == MOST_AT_ONCE:
                yield await waiting.popleft()
            waiting.append(asyncio.create_task(_read_if_found(poll, request)))
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _read_if_found(poll: Poll, request: Request) -> Response | None:
    try:
        return await poll.request(request)
    except StatusError as error:
        if error.status == NOT_FOUND:  # deleted since it was listed
            return None
        raise
