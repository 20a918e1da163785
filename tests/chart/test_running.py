"""The pod at work: its command line, files and probes, with the simulator as the API."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.chart.pod import command_line, lay_out
from tests.chart.rendering import Manifest, container, merged, render, values_of
from tests.daemon.conftest import PATIENCE, environment, run
from tests.daemon.forked import Forked, forked

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def at_work(variant: str, folder: Path) -> AsyncIterator[tuple[list[Manifest], Forked]]:
    """Run the pod of a variant against the simulator on loopback."""
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        here = {"containerPort": free_port(), "config": {"upstream": {"base_url": simulator.url}}}
        manifests = render(merged(values_of(variant), here))
        lay_out(manifests, folder)
        arguments = [text.replace("address=:", "address=127.0.0.1:") for text in command_line(manifests, folder)]
        async with forked(*arguments, variables=environment()) as process:
            yield manifests, process


async def until_healthy(command: list[str]) -> str:
    """Run the command of a probe until it succeeds, and return its output."""
    async with asyncio.timeout(PATIENCE):
        while True:
            code, out, _ = await run(*command[1:])
            if code == 0:
                return out
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("variant", "output"),
    [("basic-auth", "requires a password"), ("client-certificates", "requires a client certificate")],
)
async def test_command_probes_succeed_without_password_and_certificate(
    variant: str, output: str, tmp_path: Path
) -> None:
    """The exporter ends in order."""
    async with at_work(variant, tmp_path) as (manifests, process):
        for name in PROBES:
            assert output in await until_healthy(container(manifests)[name]["exec"]["command"])
        process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.wait_for(process.wait(), PATIENCE)
