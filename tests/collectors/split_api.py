"""A fake API of an account with keys and members. Its rows have an owner, by which the API filters them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from exporter.api.client import Client, Request
from exporter.api.rate_limit import RateLimit
from exporter.api.response import Response
from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.base import Poll
from exporter.errors import AttemptError, StatusError
from tests.collectors.helpers import FIELDS, Polled, response_of, row
from tests.support import NOON, FakeClock


def hash_of(name: str) -> str:
    """Return the hash of the key of this name."""
    return name.encode().hex().ljust(64, "0")


def label_of(name: str) -> str:
    """Return the value of the label `key`."""
    return hash_of(name)[:12]


def use(owner: str, day: str, endpoint: str = "e1", **fields: Any) -> dict[str, Any]:
    """Return a row that belongs to the key, and to the member, of this name."""
    return row(day, endpoint, **fields) | {"owner": owner}


@dataclass
class SplitApi:
    """An API that returns the usage of the whole account or of one owner. `keys` lists all owners but the deleted ones.
    `not_found` are owners that are listed and yet unknown, and `broken` maps owners to the error of their requests.
    `wholes` are responses for the whole account that replace the sums: they are returned in order and the last one is
    repeated.
    """

    uses: list[dict[str, Any]]
    keys: list[str]
    requests_per_minute: int = 100_000
    organization: bool = True
    not_found: set[str] = field(default_factory=set)
    broken: dict[str, AttemptError] = field(default_factory=dict)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)  # more of a key's or a member's row
    wholes: list[list[dict[str, Any]]] = field(default_factory=list)
    now: datetime = NOON  # of the server, in the Date header if `dated`
    dated: bool = True
    server: datetime | None = None  # another clock
    requests: list[Request] = field(default_factory=list)
    failures: list[AttemptError] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.limit = RateLimit(self.requests_per_minute)
        self.metrics = self

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)

    @property
    def activity(self) -> list[str]:
        """Return the owners whose activity was requested, in order. An empty string is the whole account."""
        return [_owner(request) or "" for request in self.requests if request.path == "/activity"]

    async def request(self, request: Request, deadline: float, *, quiet: bool = False, **_more: Any) -> Response:
        assert not quiet
        self.limit.take(1000.0, deadline)
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        for _ in range(3):
            await asyncio.sleep(0)
        self.at_once -= 1
        return self.respond(request)

    def respond(self, request: Request) -> Response:
        """Return the response at this moment."""
        match request.path:
            case "/workspaces":
                return _listed([{"id": "w1", "name": "One"}])
            case "/keys":
                return _listed([{"hash": hash_of(name), **self.listed.get(name, {})} for name in self.keys])
            case "/organization/members":
                if not self.organization:
                    raise StatusError(404, "HTTP 404: Resource not found")
                return _listed([{"id": name, **self.listed.get(name, {})} for name in self.keys])
        owner = _owner(request)
        if owner in self.not_found:
            raise StatusError(404, "HTTP 404: Resource not found")
        if owner in self.broken:
            raise self.broken[owner]
        if owner is None and self.wholes:
            rows = self.wholes.pop(0) if len(self.wholes) > 1 else self.wholes[0]
            return response_of(rows, self.server or (self.now if self.dated else None))
        return response_of(
            joined(use for use in self.uses if owner in (None, use["owner"])),
            self.server or (self.now if self.dated else None),
        )


def _owner(request: Request) -> str | None:
    hash_ = request.parameters.get("api_key_hash")
    if hash_ is not None:
        return bytes.fromhex(hash_).rstrip(b"\0").decode()
    return request.parameters.get("user_id")


def _listed(rows: list[dict[str, Any]]) -> Response:
    return response_of(json.dumps({"data": rows, "total_count": len(rows)}).encode())


def joined(uses: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per endpoint and day, as the API groups them."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for use in uses:
        names = (use["date"], use["model"], use["endpoint_id"], use["provider_name"])
        known = rows.get(names)
        if known is None:
            rows[names] = {name: value for name, value in use.items() if name != "owner"}
        else:
            known |= {name: known[name] + use[name] for name in FIELDS.values() if name in known}
    return list(rows.values())


def collector(split_by: str = "api_key", **settings: Any) -> ActivityCollector:
    """Return a collector that splits usage by key or member."""
    return ActivityCollector("default", ActivitySettings(split_by=split_by, **settings))  # type: ignore[arg-type]


async def poll_parts(
    api: SplitApi, collector_: ActivityCollector, *, now: datetime = NOON, memory: object = None
) -> Polled:
    """Run one poll."""
    clock, api.now = FakeClock(now), now
    context = Poll(instant=now, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
    return Polled(await collector_.collect(context, memory), context.rejections, cast("Any", api))


def split(api: SplitApi, split_by: str = "api_key", *, now: datetime = NOON, **settings: Any) -> Polled:
    """Run the first poll of a new collector that splits usage."""
    return asyncio.run(poll_parts(api, collector(split_by, **settings), now=now))
