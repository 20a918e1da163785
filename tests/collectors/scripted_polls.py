"""Polls of the analytics API without a network, with scripted or simulated responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from exporter.api.client import Client, Request
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll
from exporter.errors import AttemptError
from exporter.exposition.families import Snapshot
from exporter.simulator.accounts import AccountData, Caller
from exporter.simulator.analytics_endpoints import AnalyticsEndpoints
from exporter.simulator.usage import SimulatedAccount
from tests.collectors.helpers import Shown, response_of
from tests.support import NOON, FakeClock, finished

Reply = Response | AttemptError


@dataclass
class ScriptedClient:
    """A client that returns its replies in order and repeats the last, or calls `replies`; it records requests."""

    replies: list[Reply] | Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)
    failures: list[AttemptError] = field(default_factory=list)

    @property
    def metrics(self) -> ScriptedClient:
        return self

    async def request(self, request: Request, _deadline: float, *, quiet: bool = False, **_: Any) -> Response:
        assert not quiet
        self.requests.append(request)
        if callable(self.replies):
            reply = self.replies(request)
        else:
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, AttemptError):
            raise reply
        return reply

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)

    def contents(self) -> list[Any]:
        """Return the decoded bodies of the requests that have one."""
        return [json.loads(request.content) for request in self.requests if request.content is not None]


@dataclass(frozen=True)
class PollResult:
    """The result of a poll. `health` holds the families about the queries themselves."""

    collected: Collected
    rejections: Rejections
    client: ScriptedClient
    families: Shown
    counted_to: dict[tuple[str, ...], float]  # by the labels of the family …_data_timestamp_seconds
    health: Shown

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.rejections.counts)


def reply(
    rows: Iterable[Any], *, truncated: Any = False, server: datetime | None = NOON, row_count: Any = None, **more: Any
) -> Response:
    """Return a response with these rows in the API's format."""
    rows = list(rows)
    metadata = {"query_time_ms": 42, "row_count": len(rows) if row_count is None else row_count, "truncated": truncated}
    content = {"data": {"data": rows, "metadata": metadata} | more}
    return response_of(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), server)


def simulated(now: datetime = NOON, *, rows: int = 10_000, endpoints: int = 40) -> ScriptedClient:
    """Return a client of a simulated account at a point in time."""
    caller = Caller(1, "sk-or-v1-ordinary", is_management=True, label="test")
    data = AccountData(caller, SimulatedAccount(1, endpoints), now.date())
    api = AnalyticsEndpoints(rows)

    def serve(request: Request) -> Response:
        content = request.content
        served = api.meta(caller, now) if content is None else api.query(caller, content, data, now, [])
        return response_of(served.body, now)

    return ScriptedClient(serve)


def poll_once(
    collector: Collector[Any],
    client: ScriptedClient | list[Reply],
    *,
    now: datetime = NOON,
    memory: object = None,
    prefix: str = "",
    monotonic: float = 0.0,
    fails: bool = False,
) -> PollResult:
    """Run one poll. Families are returned without the prefix and the account label. An error of the poll is raised,
    unless `fails` is set.
    """
    client = client if isinstance(client, ScriptedClient) else ScriptedClient(client)
    clock = FakeClock(now)
    clock.advance(monotonic)
    poll = Poll(instant=now, deadline=clock.monotonic() + 300, client=cast("Client", client), clock=clock)
    try:
        collected = finished(collector.collect(poll, memory))
    finally:
        client.rejections = poll.rejections  # type: ignore[attr-defined]
    if collected.error is not None and not fails:
        raise collected.error
    assert collected.snapshot is not None
    families = published(collected.snapshot, collector, prefix)
    health = {name: families.pop(name) for name in list(families) if name.startswith("query_")}
    counted_to = families.pop("data_timestamp_seconds", {})
    return PollResult(collected, poll.rejections, client, families, counted_to, health)


def published(snapshot: Snapshot, collector: Collector[Any], prefix: str = "") -> Shown:
    """Return the samples of a snapshot without the prefix and the account label."""
    families: Shown = {}
    for family in snapshot.families:
        assert family.metric in collector.declarations()
        assert family.label_sets.names == family.metric.labels
        samples = {
            labels[1:]: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        assert len(set(family.label_sets.samples)) == len(family.label_sets.samples)
        families[family.metric.name.removeprefix(prefix)] = samples
    return families


def with_date(response: Response, server: datetime) -> Response:
    """Return the response with another Date header."""
    return replace(response, date=server.astimezone(UTC))
