"""`GET /activity` key by key or member by member: who there is, and one answer for each beside that for the whole.

The whole is asked for before and after its parts. What it shows alike both times did not change in between, so the
parts belong together.
"""

from __future__ import annotations

import asyncio
import copy
import math
from array import array
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
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
from exporter.collectors.activity.activity_reader import fill, refuse_unusable
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.carry_over import restated_rows
from exporter.collectors.activity.usage_table import Shape, Table
from exporter.collectors.activity.windows import midnight
from exporter.collectors.base import Poll
from exporter.config.units import format_duration
from exporter.errors import DeadlineExceeded, PollError, StatusError
from exporter.exposition.families import Family, LabelSets, MetricFamily

MOST_AT_ONCE = 4
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Part:
    """A key or a member: the value of its label, and the parameter that asks for what it used."""

    label: str
    parameter: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """All keys, or all members; `noun` says which of them."""

    noun: str
    parts: tuple[Part, ...]
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """All answers of a poll: the parts' rows in one table, the whole's in another.

    `dates` are the server's clocks. `before` is the whole as it was before the parts, None where it still is.
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
        keys = await paging.keys(poll, within=None if only is None else [Workspace(only, "")])
        labels = paging.key_labels(sorted(key.hash for key in keys))
        start = midnight(first).timestamp()
        used = {key.hash for key in keys if key.last_used_at is None or key.last_used_at >= start}
        parts = (Part(label, ("api_key_hash", hash_)) for hash_, label in labels.items() if hash_ in used)
        return Parts("key", tuple(parts))
    try:
        members = sorted(await paging.members(poll), key=lambda member: member.id)
    except StatusError as error:
        if error.status != NOT_FOUND:
            raise
        raise PollError(f"{error}; split_by: member is for the accounts of organizations") from None
    return Parts("member", tuple(Part(each.id, ("user_id", each.id)) for each in members), tuple(members))


async def read_parts(poll: Poll, request: Request, parts: Parts, shape: Shape) -> Reading:
    """Ask for the whole, for each part, and for the whole again. All or nothing. Raises PollError.

    Only a few answers are held at a time: a part's rows are added to the table when its turn comes.
    """
    _refuse_too_many(poll, parts)
    before = await poll.request(request)
    table = Table(shape)
    answers: list[tuple[str, bytes]] = []
    dates = [before.date]
    requests = [replace(request, parameters={**request.parameters, **dict([each.parameter])}) for each in parts.parts]
    async with aclosing(_in_order(poll, requests)) as received:
        for part in parts.parts:
            try:
                answer = await anext(received)
            except DeadlineExceeded as error:
                done = f"{len(answers)} of {len(requests)} {parts.noun}s were asked for (split_by)"
                raise DeadlineExceeded(f"{error}; {done}") from None
            answers.append((part.label, b"" if answer is None else answer.digest))
            if answer is not None:
                dates.append(answer.date)
                table.begin_part(part.label)
                with poll.reading(request.operation):
                    await fill(poll.pause, table, answer, poll.rejections)
    after = await poll.request(request)
    dates.append(after.date)
    whole = Table(replace(shape, labels=shape.labels[:-1]))
    with poll.reading(request.operation):
        await _fill_whole(poll.pause, whole, after, poll.rejections)
    digest = sha256(repr((answers, after.digest, parts.members)).encode()).digest()
    return Reading(table, whole, None if before.digest == after.digest else before, digest, tuple(dates))


def describe_members(declaration: MetricFamily, account: str, members: Sequence[Member]) -> Family:
    """Return one series for each member, with the labels that were asked for and no others."""
    rows = []
    for each in members:
        said = {"user_id": each.id, "name": _name(each), "email": each.email or "", "role": each.role or ""}
        rows.append((account, *(said[label] for label in declaration.labels[1:])))
    return Family(declaration, LabelSets(declaration.labels, rows), array("d", [1.0]) * len(rows))


def _name(member: Member) -> str:
    return " ".join(part for part in (member.first_name, member.last_name) if part)


async def refuse_changed(pause: Pause, reading: Reading, settled: Iterable[date]) -> None:
    """Raise PollError if rows of these days changed while the parts were asked for one after the other."""
    if reading.before is None:
        return
    before = Table(reading.whole.shape)
    await fill(pause, before, reading.before, Rejections())
    changed = await restated_rows(pause, before, reading.whole, settled)
    if changed:
        raise PollError(f"{changed} rows changed while the parts were asked for one by one; the next poll asks again")


async def _fill_whole(pause: Pause, table: Table, answer: Response, rejections: Rejections) -> None:
    of_this = Rejections()
    await fill(pause, table, answer, of_this)
    rejections.update(of_this)
    refuse_unusable(table, of_this)


def _refuse_too_many(poll: Poll, parts: Parts) -> None:
    """Raise DeadlineExceeded if the account's limit leaves no time for all requests: better none than most of them."""
    limit, now = copy.deepcopy(poll.client.limit), poll.clock.monotonic()
    turns = [limit.take(now, math.inf) for _ in range(len(parts.parts) + 2)]
    if turns[-1] < poll.deadline:
        return
    needed, left = (format_duration(math.ceil(until - now)) for until in (turns[-1], poll.deadline))
    raise DeadlineExceeded(
        f"{len(parts.parts)} {parts.noun}s can't be asked for within one poll: {len(turns)} requests take {needed} at "
        f"the account's limit (upstream.requests_per_minute), but {left} are left of the longest poll "
        "(upstream.retries.backoff.max_elapsed_time); raise one of them, or narrow collectors.activity.filters"
    )


async def _in_order(poll: Poll, requests: Sequence[Request]) -> AsyncGenerator[Response | None, None]:
    """Yield the answers in the requests' order, a few of them asked for at once; None for one that is not found."""
    waiting: deque[asyncio.Task[Response | None]] = deque()
    try:
        for request in requests:
            if len(waiting) == MOST_AT_ONCE:
                yield await waiting.popleft()
            waiting.append(asyncio.create_task(_ask(poll, request)))
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _ask(poll: Poll, request: Request) -> Response | None:
    try:
        return await poll.request(request)
    except StatusError as error:
        if error.status == NOT_FOUND:  # deleted since it was listed
            return None
        raise
