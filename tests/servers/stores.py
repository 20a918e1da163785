"""Imports of a history: into Prometheus with promtool, into VictoriaMetrics with its API."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import aiohttp

from tests.servers.programs import required, until
from tests.servers.prometheus import Prometheus


def promtool() -> str:
    """Return the path of promtool."""
    return required(shutil.which("promtool"), "promtool")


async def create_blocks(history: Path, data: Path) -> None:
    """Create blocks from an OpenMetrics file with the command of docs/history.md."""
    await run(promtool(), "tsdb", "create-blocks-from", "--max-block-duration=4380h", "openmetrics", history, data)


async def run(*command: str | Path) -> str:
    """Run a program to its end and return its output."""
    done = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    assert 0 == done.returncode, (done.stdout + done.stderr)[-2000:]
    return done.stdout


async def import_history(server: Prometheus, history: Path) -> None:
    """Send a file of OpenMetrics to VictoriaMetrics, and wait until all of it can be queried."""
    await run("curl", "--fail", "--silent", "--upload-file", history, f"{server.url}/api/v1/import/prometheus")
    async with aiohttp.ClientSession() as session:

        async def flushed() -> int:
            async with session.get(f"{server.url}/internal/force_flush") as response:
                return response.status

        await until(flushed, lambda status: status == 200)
