"""Stores that take a history: Prometheus by promtool, VictoriaMetrics by its import."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.servers.programs import free_port, required, started, until
from tests.servers.prometheus import Prometheus

VICTORIA_METRICS = "OPENROUTER_TEST_VICTORIA_METRICS"
FOR_EVER = "100y"


def promtool() -> str:
    """Return Prometheus' own tool."""
    return required(shutil.which("promtool"), "promtool")


async def create_blocks(history: Path, data: Path) -> None:
    """Make blocks of a file of OpenMetrics, with the command of docs/history.md."""
    await run(promtool(), "tsdb", "create-blocks-from", "--max-block-duration=4380h", "openmetrics", history, data)


async def run(*command: str | Path) -> str:
    """Run a program to its end; return its output."""
    done = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    assert 0 == done.returncode, (done.stdout + done.stderr)[-2000:]
    return done.stdout


@asynccontextmanager
async def victoria_metrics(folder: Path) -> AsyncIterator[Prometheus]:
    """Run VictoriaMetrics, which has the API of Prometheus."""
    program = os.environ.get(VICTORIA_METRICS) or shutil.which("victoria-metrics")
    address = f"127.0.0.1:{free_port()}"
    async with started(
        f"http://{address}/health",
        folder / "victoria-metrics.log",
        required(program, "VictoriaMetrics"),
        f"-httpListenAddr={address}",
        f"-storageDataPath={folder / 'victoria'}",
        f"-retentionPeriod={FOR_EVER}",
        "-search.latencyOffset=0s",
    ):
        yield Prometheus(f"http://{address}/prometheus")


async def import_history(server: Prometheus, history: Path) -> None:
    """Send a file of OpenMetrics to VictoriaMetrics, and wait until all of it can be queried."""
    url = server.url.removesuffix("/prometheus")
    await run("curl", "--fail", "--silent", "--upload-file", history, f"{url}/api/v1/import/prometheus")
    async with aiohttp.ClientSession() as session:

        async def flushed() -> int:
            async with session.get(f"{url}/internal/force_flush") as response:
                return response.status

        await until(flushed, lambda status: status == 200)
