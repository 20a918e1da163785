"""The whole daemon as a process, and the simulator that it polls."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.clock import SystemClock
from exporter.collectors.registry import COLLECTORS
from exporter.simulator.application import Running, running
from exporter.simulator.service import SimulatorSettings
from tests.daemon.forked import Forked, forked

KEY = "sk-or-v1-demo"


def disabled(*kept: str) -> str:
    """Return lines of the section `collectors` that disable every collector except these."""
    names = [collector.name for collector in COLLECTORS if collector.name not in kept]
    return "".join(f"  {name}: {{enabled: false}}\n" for name in names)


PATIENCE = 30.0

CONFIGURATION = """
upstream:
  base_url: {url}
  timeout: 500ms
  connect_timeout: 500ms
  max_response_bytes: 4MiB
  requests_per_minute: 100000
  retries:
    backoff: {{initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 900ms, jitter: 0s}}
accounts:
  - name: default
    api_key_env: OPENROUTER_API_KEY
catalogue: {{enabled: false}}
collectors:
  activity: {{interval: 1s, stale_after: {stale_after}, settle_delay: 0s, empty_day_after: 0s}}
{others}"""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Daemon:
    """A running daemon, the URL that it serves and the lines that it logged."""

    process: Forked
    url: str
    lines: list[str] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()

    async def scrape(self) -> Samples:
        status, text = await self.get("metrics")
        assert 200 == status
        return samples(text)

    async def until(self, wanted: Callable[[Samples], bool]) -> Samples:
        """Scrape until the samples satisfy `wanted`, and return them."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(result := await self.scrape()):
                await asyncio.sleep(0.1)  # parsing a scrape takes 40 ms of a CPU that the daemon needs
            return result

    async def until_logged(self, event: str) -> dict[str, Any]:
        """Wait for a log event of this name, and return the first one."""
        async with asyncio.timeout(PATIENCE):
            while not (matching := [entry for entry in self.events if entry["event"] == event]):
                await asyncio.sleep(0.02)
            return matching[0]

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


def samples(text: str) -> Samples:
    """Return every sample of an exposition. Parsed families are cached, because most do not change between scrapes."""
    return dict(sample for family in re.split(r"^(?=# HELP )", text, flags=re.MULTILINE) for sample in _parsed(family))


@lru_cache(1000)
def _parsed(text: str) -> list[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
    return [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def value(result: Samples, name: str, **labels: str) -> float | None:
    """Return the sum of the samples of this name that have these labels, or None if there is none."""
    values = [number for (item, own), number in result.items() if item == name and frozenset(labels.items()) <= own]
    return sum(values) if values else None


def usage(result: Samples) -> Samples:
    """Return the samples of usage."""
    return {key: number for key, number in result.items() if key[0].startswith("openrouter_activity_")}


def environment(**variables: str) -> dict[str, str]:
    """Return an environment for a subprocess, without the caller's own options."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("OPENROUTER_")}
    return own | variables


async def run(*arguments: str, variables: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command to its end, and return its exit code, stdout and stderr."""
    async with forked(*arguments, variables=environment(**(variables or {}))) as process, asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
        return await process.wait(), out.decode(), err.decode()


@asynccontextmanager
async def serving(configuration: Path, *options: str, key: str = KEY) -> AsyncIterator[Daemon]:
    """Run `serve` while the context lasts."""
    command = (
        "serve",
        f"--config.file={configuration}",
        "--web.listen-address=127.0.0.1:0",
        "--log.format=json",
        "--log.level=debug",
        *options,
    )
    async with forked(*command, variables=environment(OPENROUTER_API_KEY=key)) as process:
        daemon = Daemon(process, "")
        reading = asyncio.create_task(_read(process, daemon.lines))
        try:
            daemon.url = (await daemon.until_logged("started"))["addresses"][0]
            yield daemon
        finally:
            process.send_signal(signal.SIGKILL)
            await reading


async def until_requested(simulator: Running) -> None:
    """Wait until the simulator has received a request."""
    async with asyncio.timeout(PATIENCE):
        while not simulator.requests:
            await asyncio.sleep(0.02)


async def _read(process: Forked, lines: list[str]) -> None:
    while line := await process.stderr.readline():
        lines.append(line.decode())


@pytest.fixture
def write_configuration(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a configuration for a simulator's URL."""

    def write(url: str, stale_after: str = "24h") -> Path:
        path = tmp_path / "exporter.yaml"
        path.write_text(CONFIGURATION.format(url=url, stale_after=stale_after, others=disabled("activity")))
        return path

    return write


@pytest.fixture
def write_patient_configuration(write_configuration: Callable[..., Path]) -> Callable[[str], Path]:
    """Return a function that writes a configuration whose polls wait a minute for a response."""

    def write(url: str) -> Path:
        path = write_configuration(url)
        path.write_text(path.read_text().replace("timeout: 500ms", "timeout: 60s").replace("900ms", "60s"))
        return path

    return write


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return a simulator of a small account, without faults."""
    async with running(SimulatorSettings(endpoints=5), SystemClock()) as server:
        yield server
