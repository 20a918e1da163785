"""The requests that the client sends."""

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


async def test_request_headers() -> None:
    async with bare(response_bytes()) as server, client_of(server.url) as client:
        await client.request()
    assert {
        "Authorization": f"Bearer {KEY}",
        "User-Agent": f"openrouter-exporter/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Cookie": None,
    } == {name: server.header(name) for name in ("Authorization", "User-Agent", "Accept", "Accept-Encoding", "Cookie")}


async def test_request_has_the_base_path_and_the_parameters_of_the_collector(simulator: Running) -> None:
    request = Request(operation="activity", path="/activity", parameters={"group_by": "workspace"})
    async with client_of(simulator.url) as client:
        await client.request(request)
    received = simulator.requests[-1]
    assert ("GET", "/api/v1/activity", {"group_by": "workspace"}) == (received.method, received.path, received.query)


async def test_parameters_are_escaped() -> None:
    """A member's name cannot add another parameter."""
    request = Request(operation="activity", path="/activity", parameters={"user_id": "a&b=c d/é"})
    async with bare(response_bytes()) as server, client_of(server.url) as client:
        await client.request(request)
    assert b"GET /activity?user_id=a%26b%3Dc+d/%C3%A9 HTTP/1.1" == server.requests[0].split(b"\r\n")[0]


async def test_cookies_are_not_kept() -> None:
    """A cookie for one account must not be sent with the key of another."""
    response = response_bytes(headers={"Set-Cookie": "session=1"})
    async with bare(response) as server, client_of(server.url) as client:
        await client.request()
        await client.request()
    assert (2, None) == (len(server.requests), server.header("Cookie"))


async def test_response_has_its_encoding_type_and_date(simulator: Running) -> None:
    """The Date header, the service's own clock, decides which day is complete."""
    async with client_of(simulator.url) as client:
        response = await client.request()
    assert ("gzip", "application/json", datetime(2026, 8, 23, 12, tzinfo=UTC)) == (
        response.encoding,
        response.content_type,
        response.date,
    )


async def test_only_equal_bodies_have_equal_digests(simulator: Running) -> None:
    async with client_of(simulator.url) as client:
        first, again = await client.request(), await client.request()
        simulator.faults.replace(parse_fault("restated"))
        other = await client.request()
    assert first.digest == again.digest != other.digest


async def test_redirect_is_not_followed() -> None:
    """The key must not be sent elsewhere. The failure counts as 3xx."""
    async with bare(response_bytes()) as other:
        moved = response_bytes(b"", "302 Found", {"Location": f"{other.url}/elsewhere"})
        async with bare(moved) as server, client_of(server.url) as client:
            with pytest.raises(StatusError) as caught:
                await client.request()
    assert "HTTP 302: a redirect, not followed because the key must not travel" == str(caught.value)
    assert ({"3xx": 1.0}, [], 1) == (client.failures(), other.requests, len(server.requests))


async def test_successful_responses_are_counted_by_code(simulator: Running) -> None:
    async with client_of(simulator.url) as client:
        await client.request()
        await client.request()
    assert (2.0, {}) == (client.count("responses", code="200"), client.failures())


async def test_failure_counters_of_every_class_start_at_0(simulator: Running) -> None:
    """A rate over them needs a first sample."""
    async with client_of(simulator.url) as client:
        classes = ("3xx", "4xx", "5xx", "timeout", "connection", "invalid_response")
        assert [0.0] * 6 == [client.count("failures", status_class=status_class) for status_class in classes]


async def test_request_duration_is_observed_once_per_attempt(simulator: Running) -> None:
    async with client_of(simulator.url) as client:
        before = client.metrics_registry.version
        await client.request()
    name = "openrouter_exporter_api_request_duration_seconds_count"
    assert 1.0 == client.metrics_registry.get_sample_value(name, {"operation": "activity"})
    assert client.metrics_registry.version > before


async def test_post_request_sends_the_same_json_body_at_each_attempt() -> None:
    query = Request(operation="activity", path="/query", parameters={}, method="POST", content=b'{"a":1}')
    retries = Retries(backoff=Backoff(jitter=0.0))
    async with (
        bare(response_bytes(status="500 Oh"), response_bytes()) as server,
        client_of(server.url, retries=retries) as client,
    ):
        await client.request(query)
    assert [b"POST /query HTTP/1.1"] * 2 == [request.split(b"\r\n")[0] for request in server.requests]
    assert "application/json" == server.header("Content-Type")
    assert [b'{"a":1}'] * 2 == [request.partition(b"\r\n\r\n")[2] for request in server.requests]


async def test_request_over_the_limit_waits_for_a_slot_and_the_wait_is_counted() -> None:
    """Two counters: requests that waited, and seconds."""
    async with bare(response_bytes()) as server, client_of(server.url, requests_per_minute=1) as client:
        await client.request(within=100.0)
        await client.request(within=100.0)
        waited = client.metrics_registry.get_sample_value(
            "openrouter_exporter_api_throttled_seconds_total", {"account": "default"}
        )
        assert (1.0, 60.0) == (client.count("throttled_requests"), waited)
    assert 2 == len(server.requests)


async def test_cancelled_wait_counts_only_the_time_waited() -> None:
    clock = FakeClock()
    async with bare(response_bytes()) as server, client_of(server.url, clock=clock, requests_per_minute=1) as client:
        await client.request(within=100.0)
        waiting = asyncio.create_task(client.request(within=100.0))
        await asyncio.sleep(0)
        clock.advance(7.0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        waited = client.metrics_registry.get_sample_value(
            "openrouter_exporter_api_throttled_seconds_total", {"account": "default"}
        )
    assert (1.0, 7.0) == (client.count("throttled_requests"), waited)


async def test_poll_without_a_slot_before_the_deadline_fails_at_once() -> None:
    """It is not counted as a failure of the API."""
    async with bare(response_bytes()) as server, client_of(server.url, requests_per_minute=1) as client:
        await client.request()
        with pytest.raises(DeadlineExceeded, match="no rate limit slot before the poll deadline"):
            await client.request(within=59.0)
        assert (1, {}, 0.0) == (len(server.requests), client.failures(), client.count("throttled_requests"))


async def test_retries_count_towards_the_limit() -> None:
    retries = Retries(backoff=Backoff(jitter=0.0))
    failing, good = response_bytes(status="500 Oh"), response_bytes()
    async with bare(failing, good) as server, client_of(server.url, retries=retries, requests_per_minute=1) as client:
        await client.request(within=100.0)
        assert (2, 1.0) == (len(server.requests), client.count("throttled_requests"))
