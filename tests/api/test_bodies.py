"""Response bodies: size, encoding and headers."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from dataclasses import replace

import pytest

from exporter.api.response import pieces
from exporter.errors import InvalidResponse
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.api.harness import ACTIVITY, bare, client_of, response_bytes
from tests.api.raw_responses import HEAD, failure_of


async def test_connection_reset_during_the_body_is_an_invalid_response() -> None:
    async with bare(HEAD + b"Content-Length: 1000\r\n\r\n{", reset=True) as server, client_of(server.url) as client:
        assert "InvalidResponse" == (await failure_of(client))[0]


async def test_response_header_of_60_kb_is_accepted() -> None:
    """Proxies add cookies and reports of many kilobytes."""
    raw_response = response_bytes(headers={"X-Report": "a" * 60_000})
    async with bare(raw_response) as server, client_of(server.url) as client:
        assert b'{"data":[]}' == b"".join(pieces(await client.request()))


async def test_content_encoding_x_gzip_is_read_as_gzip() -> None:
    """RFC 9110 requires it."""
    raw_response = response_bytes(gzip.compress(b'{"data":[]}'), headers={"Content-Encoding": "x-gzip"})
    async with bare(raw_response) as server, client_of(server.url) as client:
        assert b'{"data":[]}' == b"".join(pieces(await client.request()))


async def test_error_in_a_body_has_the_response_status() -> None:
    """The log then shows that the API did respond."""
    async with bare(HEAD + b"Content-Length: 10\r\n\r\n{}") as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponse) as caught:
            await client.request()
    assert (200, "activity") == (caught.value.status, caught.value.operation)


@pytest.mark.parametrize("kind", ["oversized", "gzip-bomb"])
async def test_oversized_body_is_refused_before_it_fills_the_memory(simulator: Running, kind: str) -> None:
    """The limit applies to the bytes received and to the decompressed bytes."""
    simulator.faults.replace(parse_fault(kind))
    async with client_of(simulator.url, max_response_bytes=1 << 20) as client:
        tracemalloc.start()
        try:
            with pytest.raises(InvalidResponse) as caught:
                for _ in pieces(await client.request()):
                    pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert "the body is longer than 1048576 bytes" == str(caught.value)
    assert peak < 16 << 20


@pytest.mark.parametrize(("size", "expected"), [(1024, 1024), (1025, "the body is longer than 1024 bytes")])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_body_size_limit_is_inclusive(size: int, expected: int | str, encoding: str) -> None:
    """A body of exactly the limit is accepted."""
    body = os.urandom(size // 2).hex().encode() + b"x" * (size % 2)
    raw_response = response_bytes(
        gzip.compress(body) if encoding == "gzip" else body, headers={"Content-Encoding": encoding}
    )
    async with bare(raw_response) as server, client_of(server.url, max_response_bytes=1024) as client:
        result: int | str
        try:
            result = sum(len(piece) for piece in pieces(await client.request()))
        except InvalidResponse as error:
            result = str(error)
    assert expected == result


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_request_can_lower_the_body_size_limit(encoding: str) -> None:
    """Requests whose bodies are decoded in one step need a lower limit than the configured one."""
    body = b"{}" + b" " * 100_000
    raw_response = response_bytes(
        gzip.compress(body) if encoding == "gzip" else body, headers={"Content-Encoding": encoding}
    )
    request = replace(ACTIVITY, longest_response=1024)
    async with bare(raw_response) as server, client_of(server.url) as client:
        with pytest.raises(InvalidResponse, match="the body is longer than 1024 bytes"):
            b"".join(pieces(await client.request(request)))


async def test_empty_content_encoding_means_identity() -> None:
    """Some proxies decompress the body and leave an empty header."""
    raw_response = HEAD + b"Content-Encoding: \r\nContent-Length: 2\r\n\r\n{}"
    async with bare(raw_response) as server, client_of(server.url) as client:
        assert "identity" == (await client.request()).encoding


@pytest.mark.parametrize(
    "date", [b"\xff\xfe", b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 2024 00:00:00 +99999999999999999999", b"0"]
)
async def test_invalid_date_header_is_ignored(date: bytes) -> None:
    """The body is still valid."""
    raw_response = HEAD + b"Date: " + date + b"\r\nContent-Length: 2\r\n\r\n{}"
    async with bare(raw_response) as server, client_of(server.url) as client:
        assert None is (await client.request()).date
