"""Each failed attempt has a status class, is counted once and is logged in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from exporter.clock import SystemClock
from exporter.config.configuration import Retries
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed
from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from tests.api.harness import bare, client_of, response_bytes, retrying, unused_port
from tests.api.raw_responses import CHUNKED, HEAD, failure_of


@pytest.mark.parametrize(
    "response",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n{}",
        HEAD + b"".join(b"X%d: a\r\n" % number for number in range(40000)) + b"\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Content-Length: 10\r\n\r\n{}",
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"zz\r\n{}\r\n",
        CHUNKED + b"fffffffffffffffffffff\r\n{}\r\n",
        CHUNKED + b"2;" + b"a" * 20000 + b"\r\n{}\r\n",
        HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_malformed_http_is_an_invalid_response(response: bytes) -> None:
    """Other protocols, endless headers, contradictory lengths and truncated bodies."""
    async with bare(response) as server, client_of(server.url) as client:
        assert "InvalidResponse" == (await failure_of(client))[0]


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "101 Switching Protocols", "999 Odd"])
async def test_unexpected_status_is_an_invalid_response(status: str) -> None:
    """Their bodies contain nothing to publish."""
    async with bare(response_bytes(b"", status)) as server, client_of(server.url) as client:
        assert ("StatusError", f"HTTP {status[:3]}: no body") == await failure_of(client)
    assert {"invalid_response": 1.0} == client.failures()


async def test_missing_response_times_out_after_the_attempt_timeout() -> None:
    """The poll deadline is much later."""
    async with bare(b"", hang=True) as server, client_of(server.url, timeout=0.2) as client:
        assert ("AttemptTimeout", "no complete response within 0.2 s") == await failure_of(client)


async def test_attempt_timeout_includes_the_body() -> None:
    async with (
        bare(HEAD + b"Content-Length: 9\r\n\r\n{", hang=True) as server,
        client_of(server.url, timeout=0.2) as client,
    ):
        assert ("AttemptTimeout", "no complete response within 0.2 s") == await failure_of(client)


async def test_poll_deadline_shortens_the_last_attempt() -> None:
    """Its timeout is the time that is left."""
    async with bare(b"", hang=True) as server, client_of(server.url, timeout=60.0) as client:
        with pytest.raises(AttemptTimeout) as caught:
            await client.request(within=0.2)
    assert "no complete response within 0.2 s" == str(caught.value)


async def test_each_attempt_has_its_own_timeout() -> None:
    """A slow attempt does not reduce the time of the next one."""
    retries = retrying(initial_interval=0.001)
    async with (
        bare(b"", response_bytes(), hang=True) as server,
        client_of(server.url, retries=retries, timeout=0.1, clock=SystemClock()) as client,
    ):
        response = await client.request(within=5.0)
    assert (b'{"data":[]}', {"timeout": 1.0}) == (b"".join(response.chunks), client.failures())


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([b""], {"connection": 3.0}),
        ([response_bytes(b"", "503 Busy")], {"5xx": 3.0}),
        (
            [response_bytes(b"", "500 Oops"), b"", response_bytes(b"", "404 Gone")],
            {"5xx": 1.0, "connection": 1.0, "4xx": 1.0},
        ),
        ([response_bytes(b"", "429 Slow"), b"nonsense\r\n\r\n"], {"4xx": 1.0, "invalid_response": 1.0}),
    ],
)
async def test_failed_attempts_are_counted_by_status_class_and_further_attempts_as_retries(
    responses: Sequence[bytes], expected: dict[str, float]
) -> None:
    retries = retrying(initial_interval=1.0, exponent=1.0)
    async with bare(*responses) as server, client_of(server.url, retries=retries) as client:
        with pytest.raises(AttemptError):
            await client.request(within=2.5)
    assert (expected, len(server.requests) - 1) == (client.failures(), client.count("retries"))


async def test_retried_attempt_is_logged_as_a_warning_with_its_details() -> None:
    responses = [response_bytes(b'{"error":{"message":"Busy","code":503}}', "503 X"), response_bytes()]
    async with bare(*responses) as server, client_of(server.url, retries=retrying(initial_interval=2.0)) as client:
        await client.request()
    assert [
        {
            "event": "request_failed",
            "log_level": "warning",
            "operation": "activity",
            "attempt": 1,
            "retry_in": 2.0,
            "status": 503,
            "status_class": "5xx",
            "error": "HTTP 503: Busy",
            "duration": 0.0,
        }
    ] == client.events


async def test_retries_in_an_outage_are_logged_at_debug() -> None:
    """The first failure of the outage was logged as a warning already."""
    responses = [response_bytes(b"", "503 X"), response_bytes()]
    async with bare(*responses) as server, client_of(server.url, retries=retrying()) as client:
        await client.request(quiet=True)
    assert ["debug"] == [event["log_level"] for event in client.events]


@pytest.mark.parametrize("kind", ["truncated", "truncated-chunked"])
async def test_truncated_response_is_not_retried(simulator: Running, kind: str) -> None:
    """It counts as an invalid response, and those are not retried."""
    simulator.faults.replace(parse_fault(kind))
    async with client_of(simulator.url, retries=Retries()) as client:
        assert "InvalidResponse" == (await failure_of(client))[0]
    assert 1 == simulator.counts["/api/v1/activity"]


async def test_cancelled_request_releases_its_connection_and_is_not_a_failure(simulator: Running) -> None:
    """The next request succeeds."""
    simulator.faults.replace(Fault(FaultKind.HANG, times=1))
    async with client_of(simulator.url) as client:
        task = asyncio.create_task(client.request())
        while not simulator.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = await client.request()
    assert ("application/json", {}) == (again.content_type, client.failures())


async def test_connection_errors_drop_their_cause() -> None:
    """The cause would keep the whole response in memory and appear in tracebacks."""
    async with client_of(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.request()
    assert (None, True) == (caught.value.__cause__, caught.value.__suppress_context__)
