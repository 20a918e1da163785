"""TLS: certificates of server and clients, versions, and changed files without a restart."""

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
from tests.support import FakeClock
from tests.web.certificates import Certificates, certificates_in
from tests.web.fakes import FakeDaemon

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENTS = f"{TLS}  client_ca_file: client_ca.pem\n  client_auth_type: "

Guard = Callable[[str], Awaitable[str]]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Return a folder with the server's certificate."""
    return certificates_in(tmp_path)


@pytest.fixture
async def guard(daemon: FakeDaemon, certificates: Certificates) -> AsyncIterator[Guard]:
    """Return a function that serves the daemon with a web configuration and returns the URL."""
    async with AsyncExitStack() as stack:

        async def guard(text: str) -> str:
            live = LiveConfiguration(certificates.write("web.yml", text))
            server = WebServer(daemon, WebSettings(), FakeClock(), [ListenAddress("127.0.0.1", 0)], live=live)
            await stack.enter_async_context(server)
            return server.addresses[0]

        yield guard


async def status_of(url: str, context: ssl.SSLContext) -> int:
    """Scrape over a new connection."""
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


async def test_scrape_over_tls_succeeds_for_a_client_that_trusts_the_authority(
    guard: Guard, certificates: Certificates
) -> None:
    url = await guard(TLS)
    assert url.startswith("https://")
    assert await status_of(url, certificates.client()) == 200


async def test_plain_http_on_a_tls_port_gets_400_with_the_reason(guard: Guard) -> None:
    """Go's servers do the same."""
    url = await guard(TLS)
    async with aiohttp.ClientSession() as client, client.get(url.replace("https", "http")) as response:
        assert response.status == 400
        assert await response.text() == "Client sent an HTTP request to an HTTPS server.\n"


async def scrape(url: str, context: ssl.SSLContext) -> bytes:
    """Return the response of a client that, unlike aiohttp's, keeps the TLS error."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port, ssl=context)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("version", "certificate", "reason"),
    [
        (ssl.TLSVersion.TLSv1_2, "none", "HANDSHAKE_FAILURE"),
        (ssl.TLSVersion.TLSv1_3, "none", "CERTIFICATE_REQUIRED"),
        (ssl.TLSVersion.TLSv1_2, "stranger", "UNKNOWN_CA"),
        (ssl.TLSVersion.TLSv1_3, "stranger", "UNKNOWN_CA"),
    ],
)
async def test_refused_certificate_sends_an_alert(
    guard: Guard, certificates: Certificates, version: ssl.TLSVersion, certificate: str, reason: str
) -> None:
    """The client learns the reason and not just that the connection ended."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n")
    Certificates(trustme.CA(), certificates.folder).issue("stranger", "prometheus.example")
    context = certificates.client() if certificate == "none" else certificates.client(certificate)
    context.maximum_version = version
    with pytest.raises(ssl.SSLError, match=reason):
        await scrape(url, context)


async def test_refused_protocol_sends_an_alert(guard: Guard, certificates: Certificates) -> None:
    """The client learns the reason and not just that the connection ended."""
    url = await guard(f"{TLS}  min_version: TLS13\n")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        await scrape(url, context)


async def test_tls_1_2_is_refused_with_min_version_tls13(guard: Guard, certificates: Certificates) -> None:
    url = await guard(f"{TLS}  min_version: TLS13\n")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, context)


async def test_ciphers_outside_cipher_suites_are_refused(guard: Guard, certificates: Certificates) -> None:
    url = await guard(f"{TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n")
    context = certificates.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, context)
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    assert await status_of(url, context) == 200


async def test_client_without_a_certificate_is_refused_if_one_is_required(
    guard: Guard, certificates: Certificates
) -> None:
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n")
    certificates.issue("client", "prometheus.example")
    assert await status_of(url, certificates.client("client")) == 200
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client())


async def test_client_certificate_of_another_authority_is_refused(guard: Guard, certificates: Certificates) -> None:
    """This holds even if a certificate is optional."""
    url = await guard(f"{CLIENTS}VerifyClientCertIfGiven\n")
    stranger = Certificates(trustme.CA(), certificates.folder)
    stranger.issue("stranger", "prometheus.example")
    assert await status_of(url, certificates.client()) == 200
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client("stranger"))


async def test_client_certificate_must_have_an_allowed_name(guard: Guard, certificates: Certificates) -> None:
    """`client_allowed_sans` takes DNS names and IP addresses in any spelling. Others get a 403."""
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n  client_allowed_sans: [one.example, '0::1']\n")
    for stem, name in (("by_name", "one.example"), ("by_address", "::1"), ("neither", "two.example")):
        certificates.issue(stem, name)
    assert await status_of(url, certificates.client("by_name")) == 200
    assert await status_of(url, certificates.client("by_address")) == 200
    assert await status_of(url, certificates.client("neither")) == 403


async def test_failed_handshake_is_logged_once_a_minute_per_reason(guard: Guard, certificates: Certificates) -> None:
    url = await guard(f"{TLS}  min_version: TLS13\n")
    old = certificates.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with capture_logs() as logs:
        async with aiohttp.ClientSession() as client:
            for _ in range(3):
                await client.get(url.replace("https", "http"))
                with pytest.raises(aiohttp.ClientError):
                    await status_of(url, old)
    assert sorted((line["event"], line["log_level"], line["reason"], line["source"]) for line in logs) == [
        ("tls_handshake_rejected", "warning", "http request", "127.0.0.1"),
        ("tls_handshake_rejected", "warning", "unsupported protocol", "127.0.0.1"),
    ]


async def test_client_certificate_that_is_not_allowed_is_logged_once_a_minute_per_source(
    guard: Guard, certificates: Certificates
) -> None:
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n  client_allowed_sans: [one.example]\n")
    certificates.issue("neither", "two.example")
    with capture_logs() as logs:
        for _ in range(3):
            assert await status_of(url, certificates.client("neither")) == 403
    assert [(line["event"], line["source"]) for line in logs] == [("auth_failed", "127.0.0.1")]


async def test_renewed_certificate_is_used_by_the_next_connection(guard: Guard, certificates: Certificates) -> None:
    url = await guard(TLS)
    before = await serial_of(url, certificates.client())
    certificates.issue("server", "localhost", "127.0.0.1")
    with capture_logs() as logs:
        assert await serial_of(url, certificates.client()) != before
    assert [line["log_level"] for line in logs] == ["info"]


async def test_renewed_certificate_without_its_key_is_not_used(guard: Guard, certificates: Certificates) -> None:
    """The old pair stays until both files are there, and one error is logged."""
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


async def test_replaced_client_authority_is_no_longer_trusted(guard: Guard, certificates: Certificates) -> None:
    url = await guard(f"{CLIENTS}RequireAndVerifyClientCert\n")
    certificates.issue("client", "prometheus.example")
    assert await status_of(url, certificates.client("client")) == 200
    certificates.write("client_ca.pem", trustme.CA().cert_pem.bytes().decode())
    with pytest.raises(aiohttp.ClientError):
        await status_of(url, certificates.client("client"))


async def test_tls_is_not_switched_off_without_a_restart(guard: Guard, certificates: Certificates) -> None:
    """Until then the old configuration stays in force."""
    url = await guard(TLS)
    certificates.write("web.yml", "http_server_config: {http2: true}\n")
    with capture_logs() as logs:
        assert await status_of(url, certificates.client()) == 200
    assert "needs a restart" in logs[0]["mistakes"][0]
