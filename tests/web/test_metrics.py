"""`/metrics` returns the daemon's bytes unchanged."""

from __future__ import annotations

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.errors import UnknownAccount
from exporter.web.web_settings import WebSettings
from tests.web.conftest import Serve
from tests.web.fakes import Exposition, FakeDaemon


async def test_metrics_have_the_body_and_content_type_of_the_daemon(
    client: aiohttp.ClientSession, daemon: FakeDaemon
) -> None:
    """Prometheus selects its parser by the Content-Type."""
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert await response.read() == daemon.exposition.body
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in response.headers


async def test_compressed_body_has_its_encoding_and_length(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    daemon.exposition = Exposition(body=b"\x1f\x8b", content_encoding="gzip")
    async with client.get("/metrics") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Length"] == "2"


async def test_vary_names_the_negotiated_headers(client: aiohttp.ClientSession) -> None:
    async with client.get("/metrics") as response:
        assert response.headers["Vary"] == "Accept, Accept-Encoding"


async def test_accept_headers_are_passed_to_the_daemon(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    async with client.get("/metrics", headers=headers):
        assert daemon.scrapes == [("application/openmetrics-text;version=1.0.0", "gzip", ())]


async def test_name_parameters_are_passed_to_the_daemon(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """They may be escaped."""
    async with client.get("/metrics?name[]=up&name%5B%5D=down"):
        assert daemon.scrapes[0][2] == ("up", "down")


async def test_head_has_the_headers_of_get_and_no_body(client: aiohttp.ClientSession) -> None:
    async with client.head("/metrics") as response:
        assert response.headers["Content-Length"] == "5"
        assert await response.read() == b""


async def test_large_body_arrives_completely(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    daemon.exposition = Exposition(body=bytes(range(256)) * 16_384)
    async with client.get("/metrics") as response:
        assert await response.read() == daemon.exposition.body


async def test_one_connection_serves_many_scrapes(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    for _ in range(3):
        async with client.get("/metrics") as response:
            assert await response.read() == daemon.exposition.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
async def test_other_methods_get_405_with_the_allowed_ones(
    client: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with client.request(method, path) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_telemetry_path_is_below_the_route_prefix(serve: Serve, daemon: FakeDaemon) -> None:
    client = await serve(WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    async with client.get("/openrouter/usage") as response:
        assert await response.read() == daemon.exposition.body
    async with client.get("/metrics") as response:
        assert response.status == 404


async def test_exception_is_logged_and_sent_as_a_500_without_details(
    client: aiohttp.ClientSession, daemon: FakeDaemon
) -> None:
    daemon.failure = RuntimeError("the inside story")
    with capture_logs() as logs:
        async with client.get("/metrics") as response:
            assert response.status == 500
            assert "story" not in await response.text()
    assert [(line["log_level"], line["path"]) for line in logs] == [("error", "/metrics")]


async def test_account_parameters_are_passed_to_the_daemon(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """They can be repeated and contain any characters."""
    async with client.get("/metrics?account=one&account=B%C3%BCro%20%2F%20Ost&name[]=up") as response:
        assert response.status == 200
    assert ([("one", "Büro / Ost")], ("up",)) == (daemon.accounts, daemon.scrapes[0][2])


async def test_unknown_account_gets_404(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The failed scrape shows in `up`, while an empty exposition would look like an account without usage."""
    daemon.failure = UnknownAccount('no account is named "one"')
    async with client.get("/metrics?account=one") as response:
        assert (404, 'no account is named "one"\n') == (response.status, await response.text())
