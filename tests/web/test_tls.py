"""TLS: certificates of both sides, versions, and that changed files are taken up without a restart."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs
from yarl import URL

from exporter.web.listen import ListenAddress
from exporter.web.reloading import LiveConfiguration
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.web.certificates import Certificates, certificates_in
from tests.web.fakes import FakeDaemon, FixedClock

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = f"{TLS}  client_ca_file: client_ca.pem\n  client_auth_type: "

Guard = Callable[[str], Awaitable[str]]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """A folder with the server's certificate."""
    return certificates_in(tmp_path)


@pytest.fixture
async def guard(daemon: FakeDaemon, certificates: Certificates) -> AsyncIterator[Guard]:
    """Serve the daemon with this web configuration; return the server's URL."""
    async with AsyncExitStack() as stack:

        async def guard(text: str) -> str:
            live = LiveConfiguration(certificates.write("web.yml", text))
            server = WebServer(daemon, WebSettings(), FixedClock(), [ListenAddress("127.0.0.1", 0)], live=live)
            await stack.enter_async_context(server)
            return server.addresses[0]

        yield guard


async def status_of(url: str, context: ssl.SSLContext) -> int:
    """Ask over a connection of its own."""
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(url, connector=connector) as client, client.get("/metrics") as response:
        return response.status


async def serial_of(url: str, context: ssl.SSLContext) -> int:
    """Return the serial number of the certificate that a new connection gets."""
    _, writer = await asyncio.open_connection("127.0.0.1", URL(url).port, ssl=context)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return int(certificate["serialNumber"], 16)


async def test_scrapes_are_encrypted(guard: Guard, certificates: Certificates) -> None:
    """The address says https, and a client that trusts the authority gets its answer."""
    url = await guard(TLS)
    assert url.startswith("https://")
    assert await status_of(url, certificates.client()) == 200


async def test_clear_text_gets_no_answer(guard: Guard) -> None:
    """HTTP on a TLS port is dropped."""
    url = await guard(TLS)
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(url.replace("https", "http"))


async def test_old_protocols_are_refused(guard: Guard, certificates: Certificates) -> None:
    """With `min_version: TLS13`, TLS 1.2 is one."""
    url = await guard(f"{TLS}  min_version: TLS13\n")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, context)


async def test_ciphers_are_as_configured(guard: Guard, certificates: Certificates) -> None:
    """Of TLS 1.2, only the ones named are spoken."""
    url = await guard(f"{TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, context)
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    assert await status_of(url, context) == 200


async def test_a_client_needs_a_certificate(guard: Guard, certificates: Certificates) -> None:
    """RequireAndVerifyClientCert: one of the authority's, or nothing."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n")
    certificates.issue("client", "prometheus.example")
    assert await status_of(url, certificates.client("client")) == 200
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client())


async def test_a_certificate_of_another_authority_is_none(guard: Guard, certificates: Certificates) -> None:
    """Its names may be right, its signature isn't."""
    url = await guard(f"{CLIENTS}VerifyClientCertIfGiven\n")
    stranger = Certificates(trustme.CA(), certificates.folder)
    stranger.issue("stranger", "prometheus.example")
    assert await status_of(url, certificates.client()) == 200
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client("stranger"))


async def test_a_clients_name_must_be_on_the_list(guard: Guard, certificates: Certificates) -> None:
    """`client_allowed_sans` takes DNS names and IP addresses, however these are spelt."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n  client_allowed_sans: [one.example, '0::1']\n")
    for stem, name in (("by_name", "one.example"), ("by_address", "::1"), ("neither", "two.example")):
        certificates.issue(stem, name)
    assert await status_of(url, certificates.client("by_name")) == 200
    assert await status_of(url, certificates.client("by_address")) == 200
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client("neither"))


async def test_a_refused_handshake_is_logged_once_a_minute(guard: Guard, certificates: Certificates) -> None:
    """With OpenSSL's reason, and each reason by itself; asyncio would say nothing."""
    url = await guard(f"{TLS}  min_version: TLS13\n")
    old = certificates.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with capture_logs() as logs:
        async with aiohttp.ClientSession() as client:
            for _ in range(3):
                with pytest.raises(aiohttp.ClientConnectionError):
                    await client.get(url.replace("https", "http"))
                with pytest.raises(aiohttp.ClientError):
                    await status_of(url, old)
    assert sorted((each["event"], each["log_level"], each["reason"]) for each in logs) == [
        ("tls_handshake_rejected", "warning", "http request"),
        ("tls_handshake_rejected", "warning", "unsupported protocol"),
    ]


async def test_a_name_that_is_not_on_the_list_is_logged_with_its_source(
    guard: Guard, certificates: Certificates
) -> None:
    """Here the handshake went well, so it is known who asked."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n  client_allowed_sans: [one.example]\n")
    certificates.issue("neither", "two.example")
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(aiohttp.ClientError):
                await status_of(url, certificates.client("neither"))
    assert [(each["event"], each["source"]) for each in logs] == [("tls_handshake_rejected", "127.0.0.1")]


async def test_a_renewed_certificate_is_taken_up(guard: Guard, certificates: Certificates) -> None:
    """By the next connection, without a restart."""
    url = await guard(TLS)
    before = await serial_of(url, certificates.client())
    certificates.issue("server", "localhost", "127.0.0.1")
    with capture_logs() as logs:
        assert await serial_of(url, certificates.client()) != before
    assert [line["log_level"] for line in logs] == ["info"]


async def test_a_half_written_renewal_changes_nothing(guard: Guard, certificates: Certificates) -> None:
    """New certificate, old key: the old pair stays until both are there, and one line says so."""
    url = await guard(TLS)
    before = await serial_of(url, certificates.client())
    certificates.issue("renewed", "localhost", "127.0.0.1")
    folder = certificates.folder
    os.replace(folder / "renewed.crt", folder / "server.crt")  # noqa: PTH105
    with capture_logs() as logs:
        assert [await serial_of(url, certificates.client()) for _ in range(2)] == [before, before]
    assert [line["log_level"] for line in logs] == ["error"]
    assert "doesn't belong to the certificate" in logs[0]["mistakes"][0]
    os.replace(folder / "renewed.key", folder / "server.key")  # noqa: PTH105
    assert await serial_of(url, certificates.client()) != before


async def test_a_removed_authority_is_trusted_no_more(guard: Guard, certificates: Certificates) -> None:
    """A changed client CA replaces the old one, it doesn't join it."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n")
    certificates.issue("client", "prometheus.example")
    assert await status_of(url, certificates.client("client")) == 200
    certificates.write("client_ca.pem", trustme.CA().cert_pem.bytes().decode())
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client("client"))


async def test_tls_is_never_switched_off_on_the_fly(guard: Guard, certificates: Certificates) -> None:
    """A configuration without TLS waits for a restart; until then the old one stays."""
    url = await guard(TLS)
    certificates.write("web.yml", "http_server_config: {http2: true}\n")
    with capture_logs() as logs:
        assert await status_of(url, certificates.client()) == 200
    assert "needs a restart" in logs[0]["mistakes"][0]
