"""`GET /models/{author}/{slug}/endpoints`: uptime, speed and prices of endpoints of the models in use."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.endpoints_collector import REQUESTS_AT_ONCE, EndpointsCollector
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from exporter.errors import DeadlineExceeded, InvalidResponse, PollError, StatusError
from tests.collectors.endpoint_polls import FakeApi, endpoint, endpoints, one, read, samples
from tests.collectors.helpers import response_of
from tests.support import NOON, FakeClock

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
