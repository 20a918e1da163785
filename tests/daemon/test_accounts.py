"""Several accounts in one process: none affects another, and each family appears once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from exporter.simulator.application import Running
from tests.daemon.conftest import KEY, disabled, serving, usage, value

ACCOUNTS = """accounts:
  - {name: good, api_key_file: good.key}
  - {name: hanging, api_key_file: hanging.key}
  - {name: wrong, api_key_file: wrong.key}
"""


@asynccontextmanager
async def in_front_of(simulator: Running, hanging: str) -> AsyncIterator[str]:
    """Run a proxy that never responds to this key and forwards all other requests, and return its URL."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if hanging in request.headers.get("Authorization", ""):
            await asyncio.sleep(60)
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": request.headers["Authorization"], "Accept-Encoding": "identity"}
            async with session.get(simulator.origin + request.path_qs, headers=headers) as response:
                return web.Response(
                    status=response.status, body=await response.read(), content_type=response.content_type
                )

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
    finally:
        await runner.cleanup()


async def test_failing_and_hanging_accounts_affect_no_other(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """The good account is still polled, and every family has one TYPE line."""
    async with in_front_of(simulator, hanging="sk-or-v1-demo-hanging") as url:
        path = write_configuration(url)
        head, _, tail = path.read_text().partition("accounts:")
        path.write_text(head + ACCOUNTS + tail[tail.index("collectors:") :])
        for name, key in {"good": KEY, "hanging": "sk-or-v1-demo-hanging", "wrong": "sk-or-v1-nobody"}.items():
            (path.parent / f"{name}.key").write_text(key + "\n")
            (path.parent / f"{name}.key").chmod(0o600)
        async with serving(path) as daemon:
            result = await daemon.until(
                lambda result: (
                    value(result, "openrouter_up", account="good") == 1
                    and bool(
                        value(
                            result, "openrouter_exporter_api_failures_total", account="hanging", status_class="timeout"
                        )
                    )
                    and bool(
                        value(result, "openrouter_exporter_api_failures_total", account="wrong", status_class="4xx")
                    )
                )
            )
            attempted = value(result, "openrouter_collector_last_success_timestamp_seconds", account="good")
            await daemon.until(
                lambda result: (
                    value(result, "openrouter_collector_last_success_timestamp_seconds", account="good") != attempted
                )
            )
            _, text = await daemon.get("metrics")
        types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
        assert len(types) == len(set(types))
        assert {"good"} == {dict(labels)["account"] for _, labels in usage(result)}


async def test_rotated_key_file_is_read_again(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The poll that is refused reads the file again and succeeds."""
    path = write_configuration(simulator.url)
    path.write_text(path.read_text().replace("api_key_env: OPENROUTER_API_KEY", "api_key_file: the.key"))
    key = path.parent / "the.key"
    key.write_text("sk-or-v1-revoked\n")
    async with serving(path) as daemon:
        await daemon.until_logged("poll_failed")
        key.write_text(KEY)
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
    assert [] == [line for line in daemon.lines if KEY in line or "sk-or-v1-revoked" in line]
    warned = next(event for event in daemon.events if event["event"] == "configuration_warning")
    assert "chmod 600" in warned["warning"]


async def test_account_without_collectors_is_up(simulator: Running, tmp_path: Path) -> None:
    """It is not polled, has no failed collector, and does not make the daemon unready."""
    configuration = tmp_path / "off.yaml"
    configuration.write_text(
        f"upstream: {{base_url: {simulator.url}}}\n"
        "accounts: [{name: default, api_key_env: OPENROUTER_API_KEY}]\n"
        f"catalogue: {{enabled: false}}\ncollectors:\n{disabled()}"
    )
    async with serving(configuration) as daemon:
        result = await daemon.scrape()
        assert 1 == value(result, "openrouter_up", account="default")
        assert 200 == (await daemon.get("-/ready"))[0]
    assert not simulator.counts
