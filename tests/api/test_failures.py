"""What goes wrong on the connection and in the body: each has its class, is counted once, and is told in one line."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import ssl
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from exporter.api.response import pieces
from exporter.clock import SystemClock
from exporter.config.configuration import Retries, Tls
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed, InvalidResponse
from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from tests.api.harness import ACTIVITY, Asking, answer_bytes, asking, bare, retrying, unused_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def failure_of(asked: Asking) -> tuple[str, str]:
    """Return the kind of failure and its text."""
    with pytest.raises(AttemptError) as caught:
        await asked.request()
    assert {caught.value.status_class: 1.0} == asked.failures()
    return type(caught.value).__name__, str(caught.value)


@pytest.mark.parametrize(
    "answer",
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
async def test_malformed_http_is_an_invalid_response(answer: bytes) -> None:
    """Other protocols, endless headers, lengths that contradict each other, bodies that break off."""
    async with bare(answer) as server, asking(server.url) as asked:
        assert "InvalidResponse" == (await failure_of(asked))[0]


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "101 Switching Protocols", "999 Odd"])
async def test_unexpected_status_is_an_invalid_response(status: str) -> None:
    """There is nothing to publish in it."""
    async with bare(answer_bytes(b"", status)) as server, asking(server.url) as asked:
        assert ("StatusError", f"HTTP {status[:3]}: no body") == await failure_of(asked)
    assert {"invalid_response": 1.0} == asked.failures()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_connection_that_is_closed_early(answer: bytes) -> None:
    """No answer came."""
    async with bare(answer) as server, asking(server.url) as asked:
        assert "ConnectionFailed" == (await failure_of(asked))[0]


async def test_a_reset() -> None:
    """Instead of an answer."""
    async with bare(b"", reset=True) as server, asking(server.url) as asked:
        assert "ConnectionFailed" == (await failure_of(asked))[0]


async def test_a_reset_in_the_body() -> None:
    """It broke off, which is what the class says."""
    async with bare(HEAD + b"Content-Length: 1000\r\n\r\n{", reset=True) as server, asking(server.url) as asked:
        assert "InvalidResponse" == (await failure_of(asked))[0]


async def test_refused_connection_names_the_address() -> None:
    """The text names the address."""
    address = f"127.0.0.1:{unused_port()}"
    async with asking(f"http://{address}") as asked:
        kind, text = await failure_of(asked)
    assert ("ConnectionFailed", True) == (kind, address.replace(":", ", ") in text or address in text)


@pytest.mark.parametrize("url", ["http://" + "a" * 64 + ".invalid", "http://a..b", "http://[::1", "http://a:99999"])
async def test_invalid_host_or_url_is_a_failed_connection(url: str) -> None:
    """The resolver and the URL's parser raise errors of their own kinds."""
    async with asking(url) as asked:
        assert "ConnectionFailed" == (await failure_of(asked))[0]


async def test_a_refused_connection_is_recognized() -> None:
    """So that a hint can say what to check."""
    async with asking(f"http://127.0.0.1:{unused_port()}") as asked:
        with pytest.raises(ConnectionFailed) as caught:
            await asked.request()
    assert "connection_refused" == caught.value.source


@pytest.mark.parametrize("trusted", [False, True])
async def test_an_unknown_authority_is_refused_unless_it_is_configured(tmp_path: Path, *, trusted: bool) -> None:
    """Certificates are verified by default, without any setting."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tls = Tls(ca_file=tmp_path / "ca.pem") if trusted else Tls()
    async with bare(answer_bytes(), tls=context) as server, asking(server.url, tls=tls) as asked:
        if trusted:
            await asked.request()
            return
        with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await asked.request()
    assert ("certificate", []) == (caught.value.source, server.requests)


async def test_a_host_name_that_the_certificate_does_not_have_is_refused(tmp_path: Path) -> None:
    """Also with a trusted authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.example").configure_cert(context)
    async with (
        bare(answer_bytes(), tls=context) as server,
        asking(server.url, tls=Tls(ca_file=tmp_path / "ca.pem")) as asked,
    ):
        with pytest.raises(ConnectionFailed) as caught:
            await asked.request()
    assert ("certificate", []) == (caught.value.source, server.requests)


async def test_a_long_header_is_read() -> None:
    """Proxies add cookies and reports of many kilobytes."""
    sent = answer_bytes(headers={"X-Report": "a" * 60_000})
    async with bare(sent) as server, asking(server.url) as asked:
        assert b'{"data":[]}' == b"".join(pieces(await asked.request()))


async def test_x_gzip_is_gzip() -> None:
    """RFC 9110 requires it."""
    sent = answer_bytes(gzip.compress(b'{"data":[]}'), headers={"Content-Encoding": "x-gzip"})
    async with bare(sent) as server, asking(server.url) as asked:
        assert b'{"data":[]}' == b"".join(pieces(await asked.request()))


async def test_errors_about_a_body_have_its_status() -> None:
    """The log shows that the API answered."""
    async with bare(HEAD + b"Content-Length: 10\r\n\r\n{}") as server, asking(server.url) as asked:
        with pytest.raises(InvalidResponse) as caught:
            await asked.request()
    assert (200, "activity") == (caught.value.status, caught.value.operation)


async def test_tls_to_a_server_without_tls_fails(simulator: Running) -> None:
    """A certificate that isn't shown can't be trusted."""
    async with asking(simulator.url.replace("http:", "https:")) as asked:
        assert "ConnectionFailed" == (await failure_of(asked))[0]


async def test_missing_response_times_out() -> None:
    """The attempt's own timeout ends it, long before the poll's deadline."""
    async with bare(b"", hang=True) as server, asking(server.url, timeout=0.2) as asked:
        assert ("AttemptTimeout", "no complete response within 0.2 s") == await failure_of(asked)


async def test_a_body_that_does_not_end() -> None:
    """The timeout is for the whole attempt, body included."""
    async with (
        bare(HEAD + b"Content-Length: 9\r\n\r\n{", hang=True) as server,
        asking(server.url, timeout=0.2) as asked,
    ):
        assert ("AttemptTimeout", "no complete response within 0.2 s") == await failure_of(asked)


async def test_the_deadline_cuts_the_last_attempt_short() -> None:
    """It gets the time that is left, not its own timeout."""
    async with bare(b"", hang=True) as server, asking(server.url, timeout=60.0) as asked:
        with pytest.raises(AttemptTimeout) as caught:
            await asked.request(within=0.2)
    assert "no complete response within 0.2 s" == str(caught.value)


async def test_a_connection_that_is_never_made() -> None:
    """The text says that it is connecting what took too long, and how long that was allowed to take."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # they fill the queue that nobody empties
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        async with asking(f"http://127.0.0.1:{address[1]}", connect_timeout=0.2) as asked:
            assert ("AttemptTimeout", "no connection within 0.2 s") == await failure_of(asked)
        for each in waiting:
            each.close()


async def test_each_attempt_has_its_own_timeout() -> None:
    """A slow one does not use up the time of the next."""
    retries = retrying(initial_interval=0.001)
    async with (
        bare(b"", answer_bytes(), hang=True) as server,
        asking(server.url, retries=retries, timeout=0.1, clock=SystemClock()) as asked,
    ):
        answer = await asked.request(within=5.0)
    assert (b'{"data":[]}', {"timeout": 1.0}) == (b"".join(answer.chunks), asked.failures())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([b""], {"connection": 3.0}),
        ([answer_bytes(b"", "503 Busy")], {"5xx": 3.0}),
        (
            [answer_bytes(b"", "500 Oops"), b"", answer_bytes(b"", "404 Gone")],
            {"5xx": 1.0, "connection": 1.0, "4xx": 1.0},
        ),
        ([answer_bytes(b"", "429 Slow"), b"nonsense\r\n\r\n"], {"4xx": 1.0, "invalid_response": 1.0}),
    ],
)
async def test_every_failed_attempt_is_counted_under_its_class(
    answers: Sequence[bytes], expected: dict[str, float]
) -> None:
    """And the attempts after the first as retries."""
    retries = retrying(initial_interval=1.0, exponent=1.0)
    async with bare(*answers) as server, asking(server.url, retries=retries) as asked:
        with pytest.raises(AttemptError):
            await asked.request(within=2.5)
    assert (expected, len(server.requests) - 1) == (asked.failures(), asked.count("retries"))


async def test_an_attempt_that_is_repeated_is_a_warning() -> None:
    """With all that is known of it."""
    answers = [answer_bytes(b'{"error":{"message":"Busy","code":503}}', "503 X"), answer_bytes()]
    async with bare(*answers) as server, asking(server.url, retries=retrying(initial_interval=2.0)) as asked:
        await asked.request()
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
    ] == asked.events


async def test_retries_in_an_outage_are_logged_at_debug() -> None:
    """They stay at debug level."""
    answers = [answer_bytes(b"", "503 X"), answer_bytes()]
    async with bare(*answers) as server, asking(server.url, retries=retrying()) as asked:
        await asked.request(quiet=True)
    assert ["debug"] == [event["log_level"] for event in asked.events]


@pytest.mark.parametrize("kind", ["oversized", "gzip-bomb"])
async def test_a_body_without_measure_costs_little_memory(simulator: Running, kind: str) -> None:
    """It is refused as soon as the limit is passed, on the wire or inflated."""
    simulator.faults.replace(parse_fault(kind))
    async with asking(simulator.url, max_response_bytes=1 << 20) as asked:
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse) as caught:
                for _ in pieces(await asked.request()):
                    pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert "the body is longer than 1048576 bytes" == str(caught.value)
    assert peak < 16 << 20


@pytest.mark.parametrize(("size", "expected"), [(1024, 1024), (1025, "the body is longer than 1024 bytes")])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_the_limit_is_to_the_byte(size: int, expected: int | str, encoding: str) -> None:
    """A body of exactly so many bytes is taken."""
    body = os.urandom(size // 2).hex().encode() + b"x" * (size % 2)
    sent = answer_bytes(gzip.compress(body) if encoding == "gzip" else body, headers={"Content-Encoding": encoding})
    async with bare(sent) as server, asking(server.url, max_response_bytes=1024) as asked:
        found: int | str
        try:
            found = sum(len(piece) for piece in pieces(await asked.request()))
        except InvalidResponse as error:
            found = str(error)
    assert expected == found


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_request_may_allow_less_than_the_settings(encoding: str) -> None:
    """For what is decoded in one go."""
    body = b"{}" + b" " * 100_000
    sent = answer_bytes(gzip.compress(body) if encoding == "gzip" else body, headers={"Content-Encoding": encoding})
    request = replace(ACTIVITY, longest_response=1024)
    async with bare(sent) as server, asking(server.url) as asked:
        with pytest.raises(InvalidResponse, match="the body is longer than 1024 bytes"):
            b"".join(pieces(await asked.request(request)))


async def test_empty_content_encoding_is_identity() -> None:
    """Some proxies leave the header behind."""
    sent = HEAD + b"Content-Encoding: \r\nContent-Length: 2\r\n\r\n{}"
    async with bare(sent) as server, asking(server.url) as asked:
        assert "identity" == (await asked.request()).encoding


@pytest.mark.parametrize(
    "date", [b"\xff\xfe", b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 2024 00:00:00 +99999999999999999999", b"0"]
)
async def test_invalid_date_header_is_ignored(date: bytes) -> None:
    """The body is good all the same."""
    sent = HEAD + b"Date: " + date + b"\r\nContent-Length: 2\r\n\r\n{}"
    async with bare(sent) as server, asking(server.url) as asked:
        assert None is (await asked.request()).date


@pytest.mark.parametrize("kind", ["truncated", "truncated-chunked"])
async def test_truncated_response_is_not_retried(simulator: Running, kind: str) -> None:
    """It is an invalid answer, and those are not repeated."""
    simulator.faults.replace(parse_fault(kind))
    async with asking(simulator.url, retries=Retries()) as asked:
        assert "InvalidResponse" == (await failure_of(asked))[0]
    assert 1 == simulator.counts["/api/v1/activity"]


async def test_cancelled_request_frees_its_connection(simulator: Running) -> None:
    """Nothing is counted as a failure, and the connection is let go: another request works."""
    simulator.faults.replace(Fault(FaultKind.HANG, times=1))
    async with asking(simulator.url) as asked:
        task = asyncio.create_task(asked.request())
        while not simulator.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = await asked.request()
    assert ("application/json", {}) == (again.content_type, asked.failures())


async def test_failures_tell_nothing_of_where_they_were_raised() -> None:
    """aiohttp's own error would come along in the trace, and hold the whole answer in memory."""
    async with asking(f"http://127.0.0.1:{unused_port()}") as asked:
        with pytest.raises(ConnectionFailed) as caught:
            await asked.request()
    assert (None, True) == (caught.value.__cause__, caught.value.__suppress_context__)
