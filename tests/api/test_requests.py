"""What the client sends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from exporter import __version__
from exporter.api.client import Request
from exporter.config.configuration import Backoff, Retries
from exporter.errors import DeadlineExceeded, StatusError
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.api.harness import KEY, bare, client_of, response_bytes
from tests.support import FakeClock


async def test_the_headers() -> None:
    """The key, the client's name, and the accepted types."""
    async with bare(response_bytes()) as server, client_of(server.url) as client:
        await client.request()
    assert {
        "Authorization": f"Bearer {KEY}",
        "User-Agent": f"openrouter-exporter/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Cookie": None,
    } == {name: server.header(name) for name in ("Authorization", "User-Agent", "Accept", "Accept-Encoding", "Cookie")}


async def test_method_path_and_parameters(simulator: Running) -> None:
    """As the collector wants them; the base URL's own path comes first."""
    wanted = Request(operation="activity", path="/activity", parameters={"group_by": "workspace"})
    async with client_of(simulator.url) as client:
        await client.request(wanted)
    seen = simulator.requests[-1]
    assert ("GET", "/api/v1/activity", {"group_by": "workspace"}) == (seen.method, seen.path, seen.query)


async def test_parameters_are_escaped() -> None:
    """A member's name can't add a parameter of its own."""
    wanted = Request(operation="activity", path="/activity", parameters={"user_id": "a&b=c d/é"})
    async with bare(response_bytes()) as server, client_of(server.url) as client:
        await client.request(wanted)
    assert b"GET /activity?user_id=a%26b%3Dc+d/%C3%A9 HTTP/1.1" == server.requests[0].split(b"\r\n")[0]


async def test_cookies_are_not_kept() -> None:
    """What one account's response sets is not sent for another."""
    response = response_bytes(headers={"Set-Cookie": "session=1"})
    async with bare(response) as server, client_of(server.url) as client:
        await client.request()
        await client.request()
    assert (2, None) == (len(server.requests), server.header("Cookie"))


async def test_response_is_compressed_and_dated(simulator: Running) -> None:
    """With the service's own clock, which decides what day it is."""
    async with client_of(simulator.url) as client:
        response = await client.request()
    assert ("gzip", "application/json", datetime(2026, 8, 23, 12, tzinfo=UTC)) == (
        response.encoding,
        response.content_type,
        response.date,
    )


async def test_the_same_bytes_have_the_same_digest(simulator: Running) -> None:
    """And others have another."""
    async with client_of(simulator.url) as client:
        first, again = await client.request(), await client.request()
        simulator.faults.replace(parse_fault("restated"))
        other = await client.request()
    assert first.digest == again.digest != other.digest


async def test_a_redirect_is_not_followed() -> None:
    """The key must not travel; the failure counts as 3xx."""
    async with bare(response_bytes()) as other:
        moved = response_bytes(b"", "302 Found", {"Location": f"{other.url}/elsewhere"})
        async with bare(moved) as server, client_of(server.url) as client:
            with pytest.raises(StatusError) as caught:
                await client.request()
    assert "HTTP 302: a redirect, not followed because the key must not travel" == str(caught.value)
    assert ({"3xx": 1.0}, [], 1) == (client.failures(), other.requests, len(server.requests))


async def test_responses_are_counted_by_code(simulator: Running) -> None:
    """Good ones too."""
    async with client_of(simulator.url) as client:
        await client.request()
        await client.request()
    assert (2.0, {}) == (client.count("responses", code="200"), client.failures())


async def test_failures_of_every_class_are_there_from_the_start(simulator: Running) -> None:
    """At 0, so that a rate over them exists."""
    async with client_of(simulator.url) as client:
        classes = ("3xx", "4xx", "5xx", "timeout", "connection", "invalid_response")
        assert [0.0] * 6 == [client.count("failures", status_class=status_class) for status_class in classes]


async def test_attempts_are_measured_with_their_body(simulator: Running) -> None:
    """By the clock that the client was given."""
    async with client_of(simulator.url) as client:
        before = client.metrics_registry.version
        await client.request()
    name = "openrouter_exporter_api_request_duration_seconds_count"
    assert 1.0 == client.metrics_registry.get_sample_value(name, {"operation": "activity"})
    assert client.metrics_registry.version > before


async def test_a_body_is_json() -> None:
    """It comes with its type, and is the same at each attempt."""
    query = Request(operation="activity", path="/query", parameters={}, method="POST", content=b'{"a":1}')
    retries = Retries(backoff=Backoff(jitter=0.0))
    async with (
        bare(response_bytes(status="500 Oh"), response_bytes()) as server,
        client_of(server.url, retries=retries) as it,
    ):
        await it.request(query)
    assert [b"POST /query HTTP/1.1"] * 2 == [request.split(b"\r\n")[0] for request in server.requests]
    assert "application/json" == server.header("Content-Type")
    assert [b'{"a":1}'] * 2 == [request.partition(b"\r\n\r\n")[2] for request in server.requests]


async def test_request_over_the_limit_waits_for_a_slot() -> None:
    """The wait is counted, in requests and in seconds."""
    async with bare(response_bytes()) as server, client_of(server.url, requests_per_minute=1) as it:
        await it.request(within=100.0)
        await it.request(within=100.0)
        waited = it.metrics_registry.get_sample_value(
            "openrouter_exporter_api_throttled_seconds_total", {"account": "default"}
        )
        assert (1.0, 60.0) == (it.count("throttled_requests"), waited)
    assert 2 == len(server.requests)


async def test_a_wait_that_is_broken_off_counts_as_long_as_it_was() -> None:
    """Not for what it would have been: a minute is not over before it has passed."""
    clock = FakeClock()
    async with bare(response_bytes()) as server, client_of(server.url, clock=clock, requests_per_minute=1) as it:
        await it.request(within=100.0)
        waiting = asyncio.create_task(it.request(within=100.0))
        await asyncio.sleep(0)
        clock.advance(7.0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        waited = it.metrics_registry.get_sample_value(
            "openrouter_exporter_api_throttled_seconds_total", {"account": "default"}
        )
    assert (1.0, 7.0) == (it.count("throttled_requests"), waited)


async def test_no_request_without_a_slot_before_the_deadline() -> None:
    """The poll fails at once, and is not counted as a failure of the API."""
    async with bare(response_bytes()) as server, client_of(server.url, requests_per_minute=1) as it:
        await it.request()
        with pytest.raises(DeadlineExceeded, match="no rate limit slot before the poll deadline"):
            await it.request(within=59.0)
        assert (1, {}, 0.0) == (len(server.requests), it.failures(), it.count("throttled_requests"))


async def test_attempts_count_too() -> None:
    """A retry is a request like any other."""
    retries = Retries(backoff=Backoff(jitter=0.0))
    failing, good = response_bytes(status="500 Oh"), response_bytes()
    async with bare(failing, good) as server, client_of(server.url, retries=retries, requests_per_minute=1) as it:
        await it.request(within=100.0)
        assert (2, 1.0) == (len(server.requests), it.count("throttled_requests"))
