"""Prometheus itself scrapes the daemon: everything arrives, the sums agree, and what vanishes is stale at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from exporter.simulator.faults import parse_fault
from exporter.simulator.server import Running
from tests.daemon.conftest import PATIENCE, serving, usage, value

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None and os.environ.get("CI") != "true", reason="prometheus is not installed"
)


class Prometheus:
    """A running server, and what it knows."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def query(self, expression: str) -> list[float]:
        """Return the values of an instant vector."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._url}/api/v1/query", params={"query": expression}) as answer,
        ):
            return [float(sample["value"][1]) for sample in (await answer.json())["data"]["result"]]

    async def until(self, expression: str, wanted: Callable[[list[float]], bool]) -> list[float]:
        """Ask until the answer is as wanted, and return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    if wanted(found := await self.query(expression)):
                        return found
                except aiohttp.ClientError:
                    pass  # it is starting
                await asyncio.sleep(0.1)


@asynccontextmanager
async def prometheus(target: str, folder: Path) -> AsyncIterator[Prometheus]:
    """Run Prometheus, scraping the target every second."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = folder / "prometheus.yaml"
    configuration.write_text(
        "scrape_configs:\n"
        "  - job_name: openrouter\n"
        "    scrape_interval: 1s\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
    )
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


@needs_prometheus
async def test_prometheus_has_what_the_daemon_shows(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    """The target is up, every usage series arrives with its value, and expired ones are gone at the next scrape."""
    async with serving(write_configuration(simulator.url, stale_after="10s")) as daemon:
        found = await daemon.until(lambda found: value(found, "openrouter_up") == 1)
        async with prometheus(daemon.url.removeprefix("http://").rstrip("/"), tmp_path) as server:
            everything = '{__name__=~"openrouter_activity_.*"}'
            count = len(usage(found))
            assert [count] == await server.until(f"count({everything})", bool)
            assert [1] == await server.query("up")
            total = value(found, "openrouter_activity_30d_usage_usd")
            assert [pytest.approx(total, rel=1e-12)] == await server.query("sum(openrouter_activity_30d_usage_usd)")

            simulator.faults.replace(parse_fault("status-500"))
            await server.until(f"count({everything})", lambda counts: counts == [])
            assert [1] == await server.query("up")
            assert [0] == await server.query("openrouter_up")
