"""A fake API that responds by functions, polls of the credits and keys collectors, and rows as the API sends them."""

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
    """A client that responds to each path with the result of a function, and records the requests."""

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
        """Return the requested paths in order."""
        return [request.path for request in self.requests]


def poll_of(api: FakeApi, now: datetime = NOON) -> Poll:
    """Return a poll with this API as its client."""
    clock = FakeClock(now)
    return Poll(instant=now, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)


def polled(collector: Collector[Any], api: FakeApi, memory: object = None, now: datetime = NOON) -> Polled:
    """Run one poll of a collector."""
    poll = poll_of(api, now)
    return Polled(finished(collector.collect(poll, memory)), poll.rejections, cast("Any", api))


def always(content: Any) -> Reply:
    """Return a function that always responds with this content."""
    return lambda _: content


def digest(name: object) -> str:
    """Return the hash of a key in the API's format."""
    return sha256(str(name).encode()).hexdigest()


def key(name: object, /, **fields: Any) -> dict[str, Any]:
    """Return a key's row in the list of keys. A field set to ... is left out."""
    whole = {
        "hash": digest(name),
        "name": str(name),
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
    """Return a function that serves these rows in pages without a total count."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + size]}

    return reply


def counted(rows: list[Any], size: int = 100) -> Reply:
    """Return a function that serves these rows in pages with a total count."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + size], "total_count": len(rows)}

    return reply


def account(keys: Reply, workspaces: Reply | None = None) -> FakeApi:
    """Return an API with these keys, and with one workspace unless others are given."""
    return FakeApi({"/workspaces": workspaces or counted([WORKSPACE]), "/keys": keys})
