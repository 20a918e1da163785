"""`/metrics`: the daemon's bytes, as they are, to whoever asks."""

from __future__ import annotations

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.web.web_settings import WebSettings
from tests.web.conftest import Serve
from tests.web.fakes import Exposition, FakeDaemon


async def test_bytes_and_content_type_are_the_daemons(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Nothing on the way changes the body or the type that Prometheus decides by."""
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert await response.read() == daemon.exposition.body
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Content-Encoding" not in response.headers


async def test_compressed_bytes_are_named_so(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """An encoding is the daemon's choice and the header's word."""
    daemon.exposition = Exposition(body=b"\x1f\x8b", content_encoding="gzip")
    async with client.get("/metrics") as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Length"] == "2"


async def test_caches_learn_what_the_answer_depends_on(client: aiohttp.ClientSession) -> None:
    """Format and encoding are both negotiated."""
    async with client.get("/metrics") as response:
        assert response.headers["Vary"] == "Accept, Accept-Encoding"


async def test_daemon_gets_what_the_client_accepts(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Negotiation is the daemon's, on the headers as sent."""
    headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    async with client.get("/metrics", headers=headers):
        assert daemon.asked == [("application/openmetrics-text;version=1.0.0", "gzip", ())]


async def test_names_filter_the_families(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Each `name[]` is handed on, escaped or not."""
    async with client.get("/metrics?name[]=up&name%5B%5D=down"):
        assert daemon.asked[0][2] == ("up", "down")


async def test_head_has_the_length_and_no_body(client: aiohttp.ClientSession) -> None:
    """HEAD tells what GET would bring."""
    async with client.head("/metrics") as response:
        assert response.headers["Content-Length"] == "5"
        assert await response.read() == b""


async def test_a_body_of_megabytes_arrives_whole(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Large bodies are sent in pieces, in order."""
    daemon.exposition = Exposition(body=bytes(range(256)) * 16_384)
    async with client.get("/metrics") as response:
        assert await response.read() == daemon.exposition.body


async def test_one_connection_serves_many_scrapes(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Answers follow one another on a connection that stays open."""
    for _ in range(3):
        async with client.get("/metrics") as response:
            assert await response.read() == daemon.exposition.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
async def test_other_methods_are_refused(client: aiohttp.ClientSession, method: str, path: str) -> None:
    """405 says which would do."""
    async with client.request(method, path) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_path_and_prefix_are_configurable(serve: Serve, daemon: FakeDaemon) -> None:
    """The metrics_registry path is below the route prefix."""
    client = await serve(WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    async with client.get("/openrouter/usage") as response:
        assert await response.read() == daemon.exposition.body
    async with client.get("/metrics") as response:
        assert response.status == 404


async def test_a_failure_stays_in_the_log(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The client learns that it failed; what failed is for the operator."""
    daemon.failure = RuntimeError("the inside story")
    with capture_logs() as logs:
        async with client.get("/metrics") as response:
            assert response.status == 500
            assert "story" not in await response.text()
    assert [(line["log_level"], line["path"]) for line in logs] == [("error", "/metrics")]
