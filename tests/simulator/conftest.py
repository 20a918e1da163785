"""A simulator on loopback with a fixed date, and clients for it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from exporter.simulator.application import Running, running
from exporter.simulator.service import SimulatorSettings
from tests.simulator.helpers import Fetched, Get, Start
from tests.simulator.queries import Query, post_query
from tests.support import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock at noon on Thursday, 15 October 2026."""
    return FakeClock(datetime(2026, 10, 15, 12, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that logs a warning or an error: faults are intended, and must not be logged."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []


@pytest.fixture
async def start(clock: FakeClock) -> AsyncIterator[Start]:
    """Return a function that starts a simulator with these settings."""
    async with AsyncExitStack() as stack:

        async def start(settings: SimulatorSettings | None = None) -> Running:
            return await stack.enter_async_context(running(settings or SimulatorSettings(), clock))

        yield start


@pytest.fixture
async def simulator(start: Start) -> Running:
    """Return a simulator with default settings."""
    return await start()


@pytest.fixture
async def get(simulator: Running) -> AsyncIterator[Get]:
    """Return a function that sends a GET to the default simulator, with the management key by default."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def get(path: str, key: str | None = "sk-or-v1-demo", **parameters: str) -> Fetched:
            headers = {"Accept-Encoding": "identity"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
            url = simulator.url + path
            async with session.get(url, params=parameters, headers=headers, allow_redirects=False) as response:
                return Fetched(response.status, response.headers, await response.read())

        yield get


@pytest.fixture
async def query(simulator: Running) -> Query:
    """Return a function that sends an analytics query to the default simulator."""

    async def query(**body: Any) -> Fetched:
        return await post_query(simulator.url, **body)

    return query
