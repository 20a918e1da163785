"""Responses without a network, polls without an event loop, and snapshots as plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast

from hypothesis import HealthCheck, settings

from exporter.api.client import Client, Request
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.base import Collected, Poll
from exporter.errors import AttemptError
from exporter.exposition.families import Snapshot
from tests.support import NOON, FakeClock, examples, finished

# Slow machines must not fail property tests.
UNHURRIED = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])

PREFIX = "openrouter_activity_"
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)

# The field of `GET /activity` that each measure is read from.
FIELDS = {
    "usage_usd": "usage",
    "byok_usage_usd": "byok_usage_inference",
    "requests": "requests",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cached_tokens": "cached_tokens",
    "byok_requests": "byok_requests",
}
# The fields that the vendor's SDK reads.
DOCUMENTED_FIELDS = {measure: field for measure, field in FIELDS.items() if measure != "byok_requests"}

Labels = tuple[str, ...]
Shown = dict[str, dict[Labels, float]]


class FixedClient:
    """A client that always returns the given response, and records the requests."""

    def __init__(self, response: Response) -> None:
        self.metrics = self
        self.failures: list[AttemptError] = []
        self.requests: list[Request] = []
        self._response = response

    async def request(self, request: Request, _deadline: float, *, quiet: bool = False, **_: Any) -> Response:
        assert not quiet
        self.requests.append(request)
        return response_of(body([{"id": "w1", "name": "One"}])) if request.path == "/workspaces" else self._response

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)


@dataclass(frozen=True)
class Polled:
    """The result of a successful poll."""

    collected: Collected
    rejections: Rejections
    client: FixedClient

    @property
    def memory(self) -> object:
        return self.collected.memory

    @property
    def shown(self) -> Shown:
        assert self.collected.snapshot is not None
        return shown(self.collected.snapshot)

    @property
    def rejected(self) -> dict[str, int]:
        return {str(reason): rows for reason, rows in self.rejections.counts.items()}


def ago(days: int, today: date = TODAY) -> str:
    """Return the date this many days before today, in the API's format."""
    return f"{today - timedelta(days=days)} 00:00:00"


def row(day: str = ago(1), endpoint: str = "e1", **fields: Any) -> dict[str, Any]:
    """Return a row whose numbers are 1, 2, 3 and so on by default. A field set to ... is left out."""
    whole = {
        "date": day,
        "model": "acme/one",
        "model_permaslug": "acme/one-2026",
        "endpoint_id": endpoint,
        "provider_name": "Acme",
        "usage": 1.0,
        "byok_usage_inference": 2.0,
        "requests": 3,
        "prompt_tokens": 4,
        "completion_tokens": 5,
        "reasoning_tokens": 6,
        "cached_tokens": 7,
        "byok_requests": 8,
    } | fields
    return {name: value for name, value in whole.items() if value is not ...}


def body(rows: Iterable[Any]) -> bytes:
    return json.dumps({"data": list(rows)}).encode()


def response_of(rows: Iterable[Any] | bytes, server: datetime | None = None) -> Response:
    """Return a response with these rows or bytes, and with a Date header if `server` is given."""
    content = rows if isinstance(rows, bytes) else body(rows)
    return Response(
        chunks=(content,),
        encoding="identity",
        digest=blake2b(content).digest(),
        limit=1 << 30,
        content_type="application/json",
        date=server,
    )


def poll(
    collector: ActivityCollector,
    received: Response,
    *,
    now: datetime = NOON,
    memory: object = None,
    client: Any = None,
    dated: bool = True,
) -> Polled:
    """Run one poll at `now`. If `dated` is false, the response may lack the Date header."""
    if dated and received.date is None:
        received = replace(received, date=now)
    client = client or FixedClient(received)
    clock = FakeClock(now)
    context = Poll(instant=now, deadline=clock.monotonic() + 300, client=cast("Client", client), clock=clock)
    return Polled(finished(collector.collect(context, memory)), context.rejections, client)


def collect(rows: Iterable[Any], *, now: datetime = NOON, **settings: Any) -> Polled:
    """Run the first poll of a new collector."""
    return poll(ActivityCollector("default", ActivitySettings(**settings)), response_of(rows), now=now)


def shown(snapshot: Snapshot) -> Shown:
    """Return the samples by family (without the prefix) and label values (without the account)."""
    families: Shown = {}
    for family in snapshot.families:
        samples = {
            labels[1:]: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        assert len({labels[0] for labels in family.label_sets.samples}) <= 1
        assert family.metric.name not in families
        families[family.metric.name.removeprefix(PREFIX)] = samples
    return families


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
