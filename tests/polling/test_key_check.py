"""The key check: what it publishes, and when it requests `GET /key`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.api.key_response import REQUEST
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.polling.hints import ORDINARY_KEY, UNKNOWN_KEY
from exporter.polling.key_check import KeyCheck, KeyMetrics
from tests.api.harness import Bare, Key, ObservedClient, bare, capturing_logger, client_of, response_bytes
from tests.support import FakeClock

EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)
MANAGEMENT = {"is_management_key": True, "expires_at": "2027-01-01T00:00:00Z"}
ORDINARY = {"is_management_key": False, "expires_at": None}


def described(**fields: Any) -> bytes:
    return response_bytes(json.dumps({"data": fields}).encode())


FAILED = response_bytes(b"", "500 Oops")
UNKNOWN = response_bytes(b"", "401 Unauthorized")


@dataclass
class Checking:
    """A key check and all that it touches."""

    check: KeyCheck
    client: ObservedClient
    server: Bare
    clock: FakeClock
    metrics_registry: MetricsRegistry
    key: Key
    events: list[Any]

    @property
    def requests(self) -> int:
        return len(self.server.requests)

    def published(self) -> tuple[float | None, float | None]:
        """Return what is published of the key: whether it is a management key, and its expiry."""
        names = ("openrouter_calling_key_is_management", "openrouter_calling_key_expiry_timestamp_seconds")
        kind, expiry = (self.metrics_registry.get_sample_value(name, {"account": "default"}) for name in names)
        return kind, expiry

    async def request_as_a_collector(self) -> None:
        await self.client.request(REQUEST)


@asynccontextmanager
async def checking(*responses: bytes | Sequence[bytes]) -> AsyncIterator[Checking]:
    """Run a key check against a server that sends these responses in order and repeats the last one."""
    clock, registry, key = FakeClock(self_moving=True), MetricsRegistry(), Key()
    async with bare(*responses) as server, client_of(server.url, clock=clock, key=key) as observed:
        log, events = capturing_logger()
        check = KeyCheck(observed.wrapped, KeyMetrics(registry, "default"), clock, log)
        yield Checking(check, observed, server, clock, registry, key, events)


async def test_type_and_expiry_of_the_key_are_published() -> None:
    async with checking(described(**MANAGEMENT)) as checking_key:
        assert (None, None) == checking_key.published()
        await checking_key.check.check(refused=False)
        assert ((1.0, EXPIRY.timestamp()), None) == (checking_key.published(), checking_key.check.advice)


async def test_expiry_of_the_old_key_is_cleared_after_a_rotation() -> None:
    """The new key never expires. Its type is known at once and not an hour later."""
    async with checking(described(**MANAGEMENT), described(**ORDINARY)) as checking_key:
        await checking_key.check.check(refused=False)
        checking_key.key.text = "sk-or-v1-rotated"
        checking_key.client.wrapped.reread_secret()
        await checking_key.check.check(refused=False)
        assert ((0.0, None), ORDINARY_KEY) == (checking_key.published(), checking_key.check.advice)


@pytest.mark.parametrize(
    ("response", "interval"), [(described(**MANAGEMENT), 3600.0), (FAILED, 300.0), (response_bytes(b"[]"), 300.0)]
)
async def test_key_is_checked_hourly_and_every_five_minutes_after_a_failure(response: bytes, interval: float) -> None:
    async with checking(response) as checking_key:
        await checking_key.check.check(refused=False)
        checking_key.clock.advance(interval - 0.1)
        await checking_key.check.check(refused=False)
        before = checking_key.requests
        checking_key.clock.advance(0.1)
        await checking_key.check.check(refused=False)
        assert (1, 2) == (before, checking_key.requests)


async def test_first_rejection_of_a_key_checks_it_at_once() -> None:
    """Later rejections wait for the interval."""
    async with checking(described(**MANAGEMENT)) as checking_key:
        await checking_key.check.check(refused=False)
        for _ in range(3):
            await checking_key.check.check(refused=True)
        assert 2 == checking_key.requests
        await checking_key.check.check(refused=False)
        await checking_key.check.check(refused=True)
        assert 3 == checking_key.requests


async def test_deleted_key_clears_the_published_type_and_gives_advice() -> None:
    async with checking(described(**MANAGEMENT), UNKNOWN) as checking_key:
        await checking_key.check.check(refused=False)
        await checking_key.check.check(refused=True)
        assert ((None, None), UNKNOWN_KEY) == (checking_key.published(), checking_key.check.advice)


async def test_failed_check_keeps_the_type_of_the_same_key() -> None:
    """The type of another key is unknown."""
    async with checking(described(**MANAGEMENT), FAILED) as checking_key:
        await checking_key.check.check(refused=False)
        await checking_key.check.check(refused=True)
        same = checking_key.published()
        checking_key.key.text = "sk-or-v1-rotated"
        checking_key.client.wrapped.reread_secret()
        await checking_key.check.check(refused=True)
        assert ((1.0, EXPIRY.timestamp()), (None, None)) == (same, checking_key.published())


async def test_rejection_of_a_collector_identifies_an_ordinary_key() -> None:
    """A slow `GET /key` must not hide it."""
    async with checking(FAILED, described(**ORDINARY)) as checking_key:
        await checking_key.check.check(refused=True)
        before = checking_key.check.advice
        await checking_key.request_as_a_collector()
        assert (None, ORDINARY_KEY, (0.0, None)) == (before, checking_key.check.advice, checking_key.published())
        assert ["not_a_management_key"] == [
            event["event"] for event in checking_key.events if event["log_level"] == "warning"
        ]
        checking_key.clock.advance(3599.0)
        await checking_key.check.check(refused=True)
        assert 2 == checking_key.requests
