"""An API of functions, polls of the collectors of balances, and rows as the API writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from exporter.api.client import Client, Request
from exporter.collectors.base import Collector, Poll
from exporter.errors import AttemptError
from tests.collectors.helpers import Polled, response_of
from tests.support import NOON, FakeClock, finished

Reply = Callable[[Request], Any]  # JSON content, bytes as they are, or an error to raise


@dataclass
class FakeApi:
    """Responds to each path by a function of the request, and remembers the requests."""

    replies: Mapping[str, Reply]
    requests: list[Request] = field(default_factory=list)
    failures: list[AttemptError] = field(default_factory=list)

    @property
    def metrics(self) -> FakeApi:
        return self

    async def request(self, request: Request, _deadline: float, *, quiet: bool = False, **_: Any) -> Any:
        assert not quiet
        self.requests.append(request)
        content = self.replies[request.path](request)
        if isinstance(content, Exception):
            raise content
        return response_of(content if isinstance(content, bytes) else json.dumps(content).encode())

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)

    @property
    def paths(self) -> list[str]:
        """The paths that were requested, in order."""
        return [request.path for request in self.requests]


def way(api: FakeApi, now: datetime = NOON) -> Poll:
    """Return a poll's way to an API."""
    clock = FakeClock(now)
    return Poll(instant=now, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)


def polled(collector: Collector[Any], api: FakeApi, memory: object = None, now: datetime = NOON) -> Polled:
    """Let a collector poll once."""
    road = way(api, now)
    return Polled(finished(collector.collect(road, memory)), road.rejections, cast("Any", api))


def always(content: Any) -> Reply:
    """Return a reply that is always the same."""
    return lambda _: content


def digest(name: object) -> str:
    """Return a hash as the API writes it."""
    return sha256(str(name).encode()).hexdigest()


def key(which: object, **fields: Any) -> dict[str, Any]:
    """Return a key as the API lists it; a field that is ... is left out."""
    whole = {
        "hash": digest(which),
        "name": str(which),
        "label": "sk-or-v1-abc...xyz",
        "disabled": False,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "include_byok_in_limit": False,
        "usage": 4.0,
        "usage_daily": 1.0,
        "usage_weekly": 2.0,
        "usage_monthly": 3.0,
        "byok_usage": 0.4,
        "byok_usage_daily": 0.1,
        "byok_usage_weekly": 0.2,
        "byok_usage_monthly": 0.3,
        "created_at": "2026-08-01T00:00:00.000Z",
        "updated_at": None,
        "expires_at": None,
        "creator_user_id": "user_1",
        "workspace_id": "w1",
        "external_user": None,
        "last_used_at": None,
    } | fields
    return {name: value for name, value in whole.items() if value is not ...}


WORKSPACE = {"id": "w1", "name": "Default"}


def pages(rows: list[Any], size: int = 100) -> Reply:
    """Return the reply of a list in pages without a count."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + size]}

    return reply


def counted(rows: list[Any], size: int = 100) -> Reply:
    """Return the reply of a list in pages with a count."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + size], "total_count": len(rows)}

    return reply


def account(keys: Reply, workspaces: Reply | None = None) -> FakeApi:
    """Return an API with one workspace, or those given, and keys."""
    return FakeApi({"/workspaces": workspaces or counted([WORKSPACE]), "/keys": keys})
