"""Everything beside `/metrics`: probes, reload, configuration, and what isn't there."""

from __future__ import annotations

import aiohttp
import pytest

from exporter.errors import ConfigurationError, Mistake
from exporter.web.web_settings import WebSettings
from tests.web.conftest import Serve
from tests.web.fakes import FakeDaemon


async def test_healthy_while_the_daemon_works(client: aiohttp.ClientSession) -> None:
    """200 is all a probe wants to know."""
    async with client.get("/-/healthy") as response:
        assert (response.status, await response.text()) == (200, "Healthy.\n")


async def test_not_healthy_says_why(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """Whoever looks after a killed pod finds the reason."""
    daemon.unhealthy = "no poll was attempted for 2 h"
    async with client.get("/-/healthy") as response:
        assert (response.status, await response.text()) == (503, "Not healthy: no poll was attempted for 2 h\n")


async def test_ready_after_the_first_polls(client: aiohttp.ClientSession) -> None:
    """200 once every collector has attempted."""
    async with client.get("/-/ready") as response:
        assert (response.status, await response.text()) == (200, "Ready.\n")


async def test_not_ready_says_why(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """503 with the reason."""
    daemon.unready = "draining"
    async with client.get("/-/ready") as response:
        assert (response.status, await response.text()) == (503, "Not ready: draining\n")


async def test_configuration_is_shown_as_text(client: aiohttp.ClientSession) -> None:
    """The YAML is the daemon's; it has hidden the secrets."""
    async with client.get("/-/config") as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "<secret>" in await response.text()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_reload_reloads(serve: Serve, daemon: FakeDaemon, method: str) -> None:
    """Both of Prometheus' methods work."""
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.request(method, "/-/reload") as response:
        assert (response.status, daemon.reloads) == (200, 1)


async def test_reload_is_off_by_default(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """403 names the option that allows it."""
    async with client.post("/-/reload") as response:
        assert response.status == 403
        assert "--web.enable-lifecycle" in await response.text()
    assert daemon.reloads == 0


async def test_reload_tells_each_mistake(serve: Serve, daemon: FakeDaemon) -> None:
    """500 with the place and the message; the daemon keeps what it had."""
    daemon.failure = ConfigurationError((Mistake("config.yaml", 3, 5, "no such key"),))
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.post("/-/reload") as response:
        assert response.status == 500
        assert "config.yaml:3:5: no such key" in await response.text()


async def test_reload_is_no_link_to_follow(client: aiohttp.ClientSession) -> None:
    """GET changes nothing."""
    async with client.get("/-/reload") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "/../metrics/x", "/%2e%2e/%00"])
async def test_unknown_paths_are_not_found(client: aiohttp.ClientSession, path: str) -> None:
    """404 in a few words."""
    async with client.get(path) as response:
        assert (response.status, await response.text()) == (404, "Not found.\n")


@pytest.mark.parametrize("path", ["/", "/openrouter"])
async def test_a_browser_is_led_to_the_prefix(serve: Serve, path: str) -> None:
    """Those who leave out the route prefix, or its slash, find the page."""
    client = await serve(WebSettings(route_prefix="/openrouter"))
    async with client.get(path, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "/openrouter/")


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/status", "/nothing"])
async def test_every_answer_is_guarded(client: aiohttp.ClientSession, path: str) -> None:
    """No guessing of types, no referrer, no version of server or language."""
    async with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Server"] == "openrouter-exporter"


async def test_page_may_load_nothing(client: aiohttp.ClientSession) -> None:
    """Only the page's own style sheet applies; no script runs, whatever text sneaks in."""
    async with client.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
