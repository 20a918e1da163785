"""All routes except `/metrics`: probes, reload, configuration and unknown paths."""

from __future__ import annotations

import aiohttp
import pytest

from exporter.errors import AccountsRejected, ConfigurationError, Mistake
from exporter.web.web_settings import WebSettings
from tests.web.conftest import Serve
from tests.web.fakes import FakeDaemon


async def test_healthy_is_200_while_the_daemon_works(client: aiohttp.ClientSession) -> None:
    async with client.get("/-/healthy") as response:
        assert (response.status, await response.text()) == (200, "Healthy.\n")


async def test_unhealthy_is_503_with_the_reason(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """It explains why a pod was restarted."""
    daemon.unhealthy = "no poll was attempted for 2 h"
    async with client.get("/-/healthy") as response:
        assert (response.status, await response.text()) == (503, "Not healthy: no poll was attempted for 2 h\n")


async def test_ready_is_200_once_every_collector_attempted_a_poll(client: aiohttp.ClientSession) -> None:
    async with client.get("/-/ready") as response:
        assert (response.status, await response.text()) == (200, "Ready.\n")


async def test_not_ready_is_503_with_the_reason(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    daemon.unready = "draining"
    async with client.get("/-/ready") as response:
        assert (response.status, await response.text()) == (503, "Not ready: draining\n")


async def test_configuration_is_shown_as_text(client: aiohttp.ClientSession) -> None:
    """The YAML is the daemon's, with secrets hidden."""
    async with client.get("/-/config") as response:
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "<secret>" in await response.text()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_reload_accepts_post_and_put(serve: Serve, daemon: FakeDaemon, method: str) -> None:
    """Prometheus does too."""
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.request(method, "/-/reload") as response:
        assert (response.status, daemon.reloads) == (200, 1)


async def test_reload_is_403_by_default_and_names_the_option(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    async with client.post("/-/reload") as response:
        assert response.status == 403
        assert "--web.enable-lifecycle" in await response.text()
    assert daemon.reloads == 0


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
async def test_reload_from_a_page_of_another_site_is_refused(
    serve: Serve, daemon: FakeDaemon, site: str, status: int
) -> None:
    """A page cannot make its visitor's browser reload the exporter."""
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.post("/-/reload", headers={"Sec-Fetch-Site": site}) as response:
        assert (response.status, daemon.reloads) == (status, int(status == 200))


async def test_reload_with_rejected_accounts_is_500_and_names_them(serve: Serve, daemon: FakeDaemon) -> None:
    """Automation must notice, although everything else is in force."""
    daemon.failure = AccountsRejected((Mistake("accounts.d/a.yaml", 3, 5, "no such key"),))
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.post("/-/reload") as response:
        assert response.status == 500
        assert await response.text() == (
            "Reloaded, except for these accounts, which stay as they were:\naccounts.d/a.yaml:3:5: no such key\n"
        )


async def test_failed_reload_is_500_with_each_mistake(serve: Serve, daemon: FakeDaemon) -> None:
    """The old configuration stays in force."""
    daemon.failure = ConfigurationError((Mistake("config.yaml", 3, 5, "no such key"),))
    client = await serve(WebSettings(enable_lifecycle=True))
    async with client.post("/-/reload") as response:
        assert response.status == 500
        assert "config.yaml:3:5: no such key" in await response.text()


async def test_reload_by_get_is_refused(client: aiohttp.ClientSession) -> None:
    """A link must not cause a reload."""
    async with client.get("/-/reload") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "/../metrics/x", "/%2e%2e/%00"])
async def test_unknown_path_gets_404(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert (response.status, await response.text()) == (404, "Not found.\n")


@pytest.mark.parametrize("path", ["/", "/openrouter"])
async def test_path_outside_the_route_prefix_is_redirected_to_it(serve: Serve, path: str) -> None:
    client = await serve(WebSettings(route_prefix="/openrouter"))
    async with client.get(path, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "/openrouter/")


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/status", "/nothing"])
async def test_every_response_has_the_security_headers(client: aiohttp.ClientSession, path: str) -> None:
    """No content sniffing, no referrer, and no versions of server and language."""
    async with client.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Server"] == "openrouter-exporter"


async def test_page_has_a_content_security_policy(client: aiohttp.ClientSession) -> None:
    """It allows only the page's own style sheet, and no script."""
    async with client.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
