"""Requests for the endpoints of models in use: several at once, and what ends them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.api.waits import Waits
from exporter.collectors.base import Poll
from exporter.collectors.catalogue.endpoints_collector import REQUESTS_AT_ONCE, EndpointsCollector
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from tests.collectors.endpoint_polls import FakeApi, endpoint, endpoints, samples
from tests.support import NOON, FakeClock


async def test_concurrent_requests_are_limited() -> None:
    """The limit does not depend on the number of models in use."""
    active, most = 0, 0

    class Slow(FakeApi):
        async def request(self, request: Request, _deadline: float, **_: Any) -> Response:
            nonlocal active, most
            active += 1
            most = max(most, active)
            await asyncio.sleep(0)
            active -= 1
            return await super().request(request, _deadline)

    responses = {f"acme/{number}": endpoints(endpoint()) for number in range(20)}
    clock = FakeClock(NOON)
    collector = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: tuple((name, name) for name in responses))
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", Slow(responses)), clock=clock)
    collected = await collector.collect(poll, None)
    assert (REQUESTS_AT_ONCE, 20) == (most, len(samples(collected)["status"]))


async def test_crash_of_one_request_cancels_the_others() -> None:
    clock, cancelled = FakeClock(NOON), []

    class Crashing(FakeApi):
        async def request(self, request: Request, _deadline: float, **options: Any) -> Response:
            if "broken" in request.path:
                raise KeyError("bug")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(request.path)
                raise
            return await super().request(request, _deadline, **options)

    listed = (("acme/slow", "acme/slow"), ("acme/broken", "acme/broken"))
    collector = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: listed)
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", Crashing({})), clock=clock)
    with pytest.raises(KeyError, match="bug"):
        await collector.collect(poll, None)
    assert ["/models/acme/slow/endpoints"] == cancelled


async def test_shutdown_that_ends_the_wait_for_a_retry_ends_the_poll() -> None:
    """Otherwise the poll would request all other models first, and use up the shutdown's timeout."""
    clock = FakeClock(NOON)

    class Unreliable(FakeApi):
        async def request(self, request: Request, _deadline: float, **_: Any) -> Response:
            self.paths.append(request.path)
            if "retried" in request.path:
                await waits.sleep(60)
            await asyncio.Event().wait()
            raise AssertionError

    waits, api = Waits(clock), Unreliable({})
    names = ["acme/retried", *(f"acme/{number}" for number in range(2 * REQUESTS_AT_ONCE))]
    collector = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: [(name, name) for name in names])
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
    polling = asyncio.create_task(collector.collect(poll, None))
    await clock.sleeping()
    waits.cancel()
    await asyncio.wait([polling], timeout=5)
    assert (True, True) == (polling.cancelled(), len(api.paths) < len(names))
