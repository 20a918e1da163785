"""`/metrics`: the daemon's bytes, unchanged."""

from __future__ import annotations

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.errors import UnknownAccount
from exporter.web.web_settings import WebSettings
from tests.web.conftest import Serve
from tests.web.fakes import Exposition, FakeDaemon


async def test_body_and_content_type_are_the_daemons(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Prometheus selects its parser by the Content-Type."""
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert await response.read() == daemon.exposition.body
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in response.headers


async def test_compressed_body_has_content_encoding(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The encoding and the length of the compressed body."""
    daemon.exposition = Exposition(body=b"\x1f\x8b", content_encoding="gzip")
    async with client.get("/metrics") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Length"] == "2"


async def test_vary_names_the_negotiated_headers(client: aiohttp.ClientSession) -> None:
    """Format and encoding are both negotiated."""
    async with client.get("/metrics") as response:
        assert response.headers["Vary"] == "Accept, Accept-Encoding"


async def test_accept_headers_are_passed_to_the_daemon(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The daemon negotiates."""
    headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    async with client.get("/metrics", headers=headers):
        assert daemon.scrapes == [("application/openmetrics-text;version=1.0.0", "gzip", ())]


async def test_names_filter_the_families(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Each `name[]` is passed on, escaped or not."""
    async with client.get("/metrics?name[]=up&name%5B%5D=down"):
        assert daemon.scrapes[0][2] == ("up", "down")


async def test_head_has_the_length_and_no_body(client: aiohttp.ClientSession) -> None:
    """HEAD has the headers of GET."""
    async with client.head("/metrics") as response:
        assert response.headers["Content-Length"] == "5"
        assert await response.read() == b""


async def test_large_body_arrives_whole(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """It is sent in pieces."""
    daemon.exposition = Exposition(body=bytes(range(256)) * 16_384)
    async with client.get("/metrics") as response:
        assert await response.read() == daemon.exposition.body


async def test_one_connection_serves_many_scrapes(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The connection stays open between responses."""
    for _ in range(3):
        async with client.get("/metrics") as response:
            assert await response.read() == daemon.exposition.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
async def test_other_methods_are_refused(client: aiohttp.ClientSession, method: str, path: str) -> None:
    """405 names the allowed methods."""
    async with client.request(method, path) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_path_and_prefix_are_configurable(serve: Serve, daemon: FakeDaemon) -> None:
    """The telemetry path is below the route prefix."""
    client = await serve(WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    async with client.get("/openrouter/usage") as response:
        assert await response.read() == daemon.exposition.body
    async with client.get("/metrics") as response:
        assert response.status == 404


async def test_exception_is_logged_and_not_sent(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The client gets a 500 without details."""
    daemon.failure = RuntimeError("the inside story")
    with capture_logs() as logs:
        async with client.get("/metrics") as response:
            assert response.status == 500
            assert "story" not in await response.text()
    assert [(line["log_level"], line["path"]) for line in logs] == [("error", "/metrics")]


async def test_accounts_of_the_query_reach_the_daemon(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Repeatable, with names of any characters."""
    async with client.get("/metrics?account=one&account=B%C3%BCro%20%2F%20Ost&name[]=up") as response:
        assert response.status == 200
    assert ([("one", "Büro / Ost")], ("up",)) == (daemon.accounts, daemon.scrapes[0][2])


async def test_an_unknown_account_is_not_found(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The scrape fails, so that `up` shows it: an empty exposition would look like an account without use."""
    daemon.failure = UnknownAccount('no account is named "one"')
    async with client.get("/metrics?account=one") as response:
        assert (404, 'no account is named "one"\n') == (response.status, await response.text())
