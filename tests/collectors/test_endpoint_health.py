"""`GET /models/{author}/{slug}/endpoints`: uptime, speed and prices of endpoints of the models in use."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.api.waits import Waits
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.endpoints_collector import REQUESTS_AT_ONCE, EndpointsCollector
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from exporter.errors import AttemptError, DeadlineExceeded, InvalidResponse, PollError, StatusError
from tests.collectors.catalogue_polls import Samples
from tests.collectors.helpers import response_of
from tests.support import NOON, FakeClock

ENDPOINT = "openrouter_endpoint_"


def endpoint(provider: object = "Acme", tag: object = "acme", **fields: Any) -> dict[str, Any]:
    """Return an endpoint's row. A field set to ... is left out."""
    row = {
        "provider_name": provider,
        "tag": tag,
        "status": 0,
        "uptime_last_5m": 99.5,
        "uptime_last_30m": 50,
        "uptime_last_1d": 100,
        "latency_last_30m": {"p50": 250, "p75": 500, "p90": 1000, "p99": 2000},
        "throughput_last_30m": {"p50": 80, "p75": 81, "p90": 82, "p99": 83},
        "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    } | fields
    return {name: value for name, value in row.items() if value is not ...}


def endpoints(*rows: Any) -> Response:
    return response_of(json.dumps({"data": {"id": "acme/one", "endpoints": list(rows)}}).encode())


class FakeApi:
    """A client that returns a response, or raises an error, for each model."""

    def __init__(self, responses: Mapping[str, Response | PollError]) -> None:
        self.metrics = self
        self.failures: list[AttemptError] = []
        self.paths: list[str] = []
        self._responses = responses

    async def request(self, request: Request, _deadline: float, **_: Any) -> Response:
        self.paths.append(request.path)
        response = self._responses[request.path.removeprefix("/models/").removesuffix("/endpoints")]
        if isinstance(response, PollError):
            raise response
        return response

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)


def read(
    responses: Mapping[str, Response | PollError],
    *names: str,
    memory: object = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> tuple[Collected, Poll]:
    """Run one poll for these models."""
    clock = clock or FakeClock(NOON)
    listed = tuple((name, name) for name in names or responses)
    collector = EndpointsCollector("", CatalogueEndpointsSettings(**settings), lambda: listed)
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", FakeApi(responses)), clock=clock)
    return asyncio.run(collector.collect(poll, memory)), poll


def samples(collected: Collected) -> Samples:
    """Return the published samples by family (without `openrouter_endpoint_`) and label values."""
    assert collected.snapshot is not None
    shown = {
        family.metric.name.removeprefix(ENDPOINT): {
            labels: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        for family in collected.snapshot.families
    }
    return {name: values for name, values in shown.items() if values}


def one(**fields: Any) -> tuple[Samples, dict[str, int]]:
    """Return the samples of a model with one endpoint, and the unreadable fields."""
    collected, poll = read({"acme/one": endpoints(endpoint(**fields))})
    return samples(collected), dict(poll.rejections.unreadable)


KEY = ("acme/one", "Acme", "acme")


def test_endpoint_is_published_in_base_units() -> None:
    """Per cent become ratios, and milliseconds become seconds."""
    assert one() == (
        {
            "uptime_ratio": {(*KEY, "5m"): 0.995, (*KEY, "30m"): 0.5, (*KEY, "1d"): 1.0},
            "status": {KEY: 0.0},
            "p50_latency_seconds": {KEY: 0.25},
            "p75_latency_seconds": {KEY: 0.5},
            "p90_latency_seconds": {KEY: 1.0},
            "p99_latency_seconds": {KEY: 2.0},
            "p50_throughput_tokens_per_second": {KEY: 80.0},
            "p75_throughput_tokens_per_second": {KEY: 81.0},
            "p90_throughput_tokens_per_second": {KEY: 82.0},
            "p99_throughput_tokens_per_second": {KEY: 83.0},
            "price_usd": {(*KEY, "prompt"): 1e-06, (*KEY, "completion"): 2e-06},
        },
        {},
    )


@pytest.mark.parametrize("missing", [None, ...])
def test_null_and_missing_fields_are_absent(missing: object) -> None:
    """Latency and throughput are null without a key, and uptime with little traffic."""
    names = ("uptime_last_5m", "uptime_last_30m", "uptime_last_1d", "latency_last_30m", "throughput_last_30m", "status")
    shown, unreadable = one(**dict.fromkeys(names, missing))
    assert ({"price_usd"}, {}) == (set(shown), unreadable)


@pytest.mark.parametrize("uptime", [100.1, -1, "high", [], 1e300])
def test_invalid_uptime_is_absent_and_counted(uptime: object) -> None:
    shown, unreadable = one(uptime_last_5m=uptime)
    assert {(*KEY, "30m"): 0.5, (*KEY, "1d"): 1.0} == shown["uptime_ratio"]
    assert {"uptime_last_5m": 1} == unreadable


def test_invalid_percentile_is_absent_and_counted() -> None:
    shown, unreadable = one(latency_last_30m={"p50": "fast", "p99": 2000}, throughput_last_30m=7)
    assert ("p50_latency_seconds" in shown, {KEY: 2.0}) == (False, shown["p99_latency_seconds"])
    assert {"latency_last_30m.p50": 1, "throughput_last_30m": 1} == unreadable


def test_endpoint_without_a_provider_is_rejected_alone() -> None:
    collected, poll = read({"acme/one": endpoints(endpoint(), endpoint(provider=None), endpoint(provider=5), "row")})
    assert {KEY: 0.0} == samples(collected)["status"]
    assert {"missing_provider": 3} == dict(poll.rejections.counts)


def test_second_endpoint_of_a_provider_and_tag_is_a_duplicate() -> None:
    """Two series with the same labels would be invalid."""
    collected, poll = read({"acme/one": endpoints(endpoint(status=-1), endpoint(status=0), endpoint(tag="acme/fp4"))})
    assert {KEY: -1.0, ("acme/one", "Acme", "acme/fp4"): 0.0} == samples(collected)["status"]
    assert ({"duplicate": 1}, 0) == (dict(poll.rejections.counts), poll.rejections.missing)


def test_label_model_is_the_name_in_usage_and_the_path_the_name_in_the_catalogue() -> None:
    api = FakeApi({"acme/one:free": endpoints(endpoint())})
    clock = FakeClock(NOON)
    collector = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: (("acme/old", "acme/one:free"),))
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
    collected = asyncio.run(collector.collect(poll, None))
    assert ["/models/acme/one:free/endpoints"] == api.paths
    assert {("acme/old", "Acme", "acme"): 0.0} == samples(collected)["status"]


def test_failed_model_keeps_its_values_until_they_expire() -> None:
    """Other models are still read."""
    clock = FakeClock(NOON)
    memory = read({"acme/one": endpoints(endpoint()), "acme/two": endpoints(endpoint())}, clock=clock)[0].memory
    down: dict[str, Response | PollError] = {
        "acme/one": StatusError(503, "down"),
        "acme/two": endpoints(endpoint(status=-2)),
    }
    clock.advance(1799)
    collected, _ = read(down, memory=memory, clock=clock)
    assert {KEY: 0.0, ("acme/two", "Acme", "acme"): -2.0} == samples(collected)["status"]
    assert (("endpoints of acme/one", "down"),) == collected.summary.failures
    clock.advance(1)
    collected, _ = read(down, memory=collected.memory, clock=clock)
    assert {("acme/two", "Acme", "acme"): -2.0} == samples(collected)["status"]


def test_kept_values_expire_without_another_poll() -> None:
    clock = FakeClock(NOON)
    rows = endpoints(endpoint())
    memory = read({"acme/one": rows, "acme/two": rows, "acme/three": rows}, clock=clock)[0].memory
    clock.advance(300)
    down: dict[str, Response | PollError] = {
        "acme/one": StatusError(503, "down"),
        "acme/two": rows,
        "acme/three": rows,
    }
    memory = read(down, memory=memory, clock=clock)[0].memory
    clock.advance(300)
    down["acme/two"] = StatusError(503, "down")
    collected, _ = read(down, memory=memory, clock=clock)
    ends = [(moment - NOON, len(snapshot.families[1].values)) for moment, snapshot in collected.successors]
    assert [(timedelta(seconds=1200), 2), (timedelta(seconds=1500), 1)] == ends


def test_kept_values_with_infinite_stale_after_do_not_expire() -> None:
    clock = FakeClock(NOON)
    memory = read({"acme/one": endpoints(endpoint()), "acme/two": endpoints(endpoint())}, clock=clock)[0].memory
    clock.advance(86_400)
    down: dict[str, Response | PollError] = {"acme/one": StatusError(503, "down"), "acme/two": endpoints(endpoint())}
    collected, _ = read(down, memory=memory, clock=clock, stale_after=math.inf)
    assert (2, ()) == (len(samples(collected)["status"]), collected.successors)


def test_no_model_is_read_before_retry_after() -> None:
    limited = StatusError(429, "slow down")
    limited.not_before = 60.0
    api = FakeApi({f"acme/{number}": limited for number in range(20)})
    clock = FakeClock(NOON)
    collector = EndpointsCollector(
        "", CatalogueEndpointsSettings(), lambda: tuple((f"acme/{number}",) * 2 for number in range(20))
    )
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
    with pytest.raises(StatusError, match="slow down"):
        asyncio.run(collector.collect(poll, None))
    assert len(api.paths) <= REQUESTS_AT_ONCE


def test_model_that_uses_up_the_time_keeps_the_values_of_others() -> None:
    clock = FakeClock(NOON)

    class Slow(FakeApi):
        async def request(self, request: Request, _deadline: float, **options: Any) -> Response:
            if "slow" in request.path:
                clock.advance(_deadline - clock.monotonic())
                raise StatusError(503, "down")
            return await super().request(request, _deadline, **options)

    api = Slow({"acme/one": endpoints(endpoint())})
    collector = EndpointsCollector(
        "", CatalogueEndpointsSettings(), lambda: (("acme/one", "acme/one"), ("acme/slow", "acme/slow"))
    )
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
    collected = asyncio.run(collector.collect(poll, None))
    assert {KEY: 0.0} == samples(collected)["status"]


def test_hanging_models_leave_time_for_others_and_are_last_in_the_next_poll() -> None:
    clock = FakeClock(NOON)
    hanging = [f"acme/{number}" for number in range(REQUESTS_AT_ONCE)]

    class Hanging(FakeApi):
        async def request(self, request: Request, _deadline: float, **options: Any) -> Response:
            if any(name in request.path for name in hanging):
                self.paths.append(request.path)
                clock.advance(max(0.0, _deadline - clock.monotonic()))
                raise DeadlineExceeded("the poll's time is over")
            return await super().request(request, _deadline, **options)

    api = Hanging({"acme/good": endpoints(endpoint())})
    listed = tuple((name, name) for name in (*hanging, "acme/good"))
    collector = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: listed)

    def poll_once(memory: object) -> Collected:
        poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", api), clock=clock)
        return asyncio.run(collector.collect(poll, memory))

    first = poll_once(None)
    assert {("acme/good", "Acme", "acme"): 0.0} == samples(first)["status"]
    assert (("endpoints of 4 models, such as acme/0", "the poll's time is over"),) == first.summary.failures
    api.paths.clear()
    poll_once(first.memory)
    assert "/models/acme/good/endpoints" == api.paths[0]


def test_404_of_a_model_removes_its_series_and_is_not_a_failure() -> None:
    """The model was just removed from the catalogue."""
    memory = read({"acme/one": endpoints(endpoint())})[0].memory
    collected, _ = read({"acme/one": StatusError(404, "no such model")}, memory=memory)
    assert ({}, ()) == (samples(collected), collected.summary.failures)


def test_poll_fails_if_every_model_returns_404() -> None:
    """The path or a proxy is wrong, and the last values must stay."""
    with pytest.raises(StatusError, match="no such model"):
        read({"acme/one": StatusError(404, "no such model"), "acme/two": StatusError(404, "no such model")})


def test_poll_fails_if_no_model_can_be_read() -> None:
    with pytest.raises(StatusError, match="down"):
        read({"acme/one": StatusError(503, "down"), "acme/two": DeadlineExceeded("late")})


@pytest.mark.parametrize("content", [b'{"data":[]}', b'{"data":{}}', b'{"data":{"endpoints":{}}}', b"<html>"])
def test_invalid_body_fails_the_model(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read({"acme/one": response_of(content)})


def test_nothing_is_requested_without_models_in_use() -> None:
    collected, poll = read({})
    assert ({}, []) == (samples(collected), cast("FakeApi", poll.client).paths)


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
