"""A daemon with fixed responses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.status import CollectorStatus, Status
from tests.support import NOON


class Exposition(NamedTuple):
    body: bytes = b"up 1\n"
    content_type: str = "text/plain; version=0.0.4; charset=utf-8"
    content_encoding: str | None = None


@dataclass
class FakeDaemon:
    exposition: Exposition = field(default_factory=Exposition)
    unhealthy: str | None = None
    unready: str | None = None
    failure: Exception | None = None
    collectors: tuple[CollectorStatus, ...] = ()
    reloads: int = 0
    scrapes: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    accounts: list[tuple[str, ...]] = field(default_factory=list)

    def scrape(self, accept: str, accept_encoding: str, names: Sequence[str], accounts: Sequence[str]) -> Exposition:
        self.scrapes.append((accept, accept_encoding, tuple(names)))
        self.accounts.append(tuple(accounts))
        if self.failure is not None:
            raise self.failure
        return self.exposition

    def status(self) -> Status:
        return Status(version="1.2.3", now=NOON, started=NOON, ready=self.unready is None, collectors=self.collectors)

    def healthy(self) -> str | None:
        return self.unhealthy

    def ready(self) -> str | None:
        return self.unready

    def configuration(self) -> str:
        return "accounts:\n  - api_key: <secret>\n"

    async def reload(self) -> None:
        self.reloads += 1
        if self.failure is not None:
            raise self.failure
