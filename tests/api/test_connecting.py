"""Connections that cannot be made, are not trusted, or break."""

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
async def test_a_connection_that_is_closed_early(response: bytes) -> None:
    """No response came."""
    async with bare(response) as server, client_of(server.url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_a_reset() -> None:
    """Instead of a response."""
    async with bare(b"", reset=True) as server, client_of(server.url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_refused_connection_names_the_address() -> None:
    """The text names the address."""
    address = f"127.0.0.1:{unused_port()}"
    async with client_of(f"http://{address}") as client:
        kind, text = await failure_of(client)
    assert ("ConnectionFailed", True) == (kind, address.replace(":", ", ") in text or address in text)


@pytest.mark.parametrize("url", ["http://" + "a" * 64 + ".invalid", "http://a..b", "http://[::1", "http://a:99999"])
async def test_invalid_host_or_url_is_a_failed_connection(url: str) -> None:
    """The resolver and the URL's parser raise errors of their own kinds."""
    async with client_of(url) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_a_refused_connection_is_recognized() -> None:
    """So that a hint can say what to check."""
    async with client_of(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.request()
    assert "connection_refused" == caught.value.source


@pytest.mark.parametrize("trusted", [False, True])
async def test_an_unknown_authority_is_refused_unless_it_is_configured(tmp_path: Path, *, trusted: bool) -> None:
    """Certificates are verified by default, without any setting."""
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


async def test_a_host_name_that_the_certificate_does_not_have_is_refused(tmp_path: Path) -> None:
    """Also with a trusted authority."""
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


async def test_tls_to_a_server_without_tls_fails(simulator: Running) -> None:
    """A certificate that isn't shown can't be trusted."""
    async with client_of(simulator.url.replace("http:", "https:")) as client:
        assert "ConnectionFailed" == (await failure_of(client))[0]


async def test_a_connection_that_is_never_made() -> None:
    """The text says that it is connecting what took too long, and how long that was allowed to take."""
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
