"""Connections that cannot be opened, are not trusted, or break."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from exporter.config.configuration import Tls
from exporter.errors import ConnectionFailed
from exporter.simulator.application import Running
from tests.api.harness import bare, client_of, response_bytes, unused_port
from tests.api.raw_responses import failure_of


@pytest.mark.parametrize("response", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_connection_closed_before_a_full_response_head_is_a_failed_connection(response: bytes) -> None:
    async with bare(response) as server, client_of(server.url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_connection_reset_before_the_response_is_a_failed_connection() -> None:
    async with bare(b"", reset=True) as server, client_of(server.url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_error_of_a_refused_connection_contains_the_address() -> None:
    address = f"127.0.0.1:{unused_port()}"
    async with client_of(f"http://{address}") as client:
        kind, text = await failure_of(client)
    assert ("ConnectionFailed", True) == (kind, address.replace(":", ", ") in text or address in text)


@pytest.mark.parametrize("url", ["http://" + "a" * 64 + ".invalid", "http://a..b", "http://[::1", "http://a:99999"])
async def test_invalid_host_or_url_is_a_failed_connection(url: str) -> None:
    """The resolver and the URL parser raise their own exception types."""
    async with client_of(url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_refused_connection_has_its_own_error_source() -> None:
    """The hint in the log depends on it."""
    async with client_of(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.request()
    assert "connection_refused" == caught.value.source


@pytest.mark.parametrize("trusted", [False, True])
async def test_unknown_certificate_authority_is_refused_unless_configured(tmp_path: Path, *, trusted: bool) -> None:
    """Certificates are verified without any setting."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    tls = Tls(ca_file=tmp_path / "ca.pem") if trusted else Tls()
    async with bare(response_bytes(), tls=context) as server, client_of(server.url, tls=tls) as client:
        if trusted:
            await client.request()
            return
        with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await client.request()
    assert ("certificate", []) == (caught.value.source, server.requests)


async def test_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """A trusted authority does not change that."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.example").configure_cert(context)
    async with (
        bare(response_bytes(), tls=context) as server,
        client_of(server.url, tls=Tls(ca_file=tmp_path / "ca.pem")) as client,
    ):
        with pytest.raises(ConnectionFailed) as caught:
            await client.request()
    assert ("certificate", []) == (caught.value.source, server.requests)


async def test_https_to_a_plain_http_server_is_a_failed_connection(simulator: Running) -> None:
    async with client_of(simulator.url.replace("http:", "https:")) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_connect_timeout_is_reported_with_its_length() -> None:
    """The message shows that connecting took too long, and not the response."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # they fill the queue, which is never emptied
        for client_socket in waiting:
            client_socket.setblocking(False)
            client_socket.connect_ex(address)
        async with client_of(f"http://127.0.0.1:{address[1]}", connect_timeout=0.2) as client:
            assert ("AttemptTimeout", "no connection within 0.2 s") == await failure_of(client)
        for client_socket in waiting:
            client_socket.close()
