"""A fleet goes from two shards to three: Prometheus sees every account all the time, and its spend once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.config.shard import shard_of
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import Daemon, serving
from tests.servers.configuration import write_configuration
from tests.servers.programs import free_port, until
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.shipped import hastened

NAMES = [f"team-{number}" for number in range(9)]
SHOWN = "account:openrouter_activity_30d_spend_usd:sum"
TOTAL = "fleet:openrouter_activity_30d_spend_usd:sum"
INSTANCES = "count by (account) (count by (account, instance) (openrouter_activity_30d_usage_usd))"


@dataclass
class Fleet:
    """Shards at fixed addresses, and the Prometheus that scrapes them all."""

    configuration: Path
    ports: list[int]
    server: Prometheus
    running: dict[int, AsyncExitStack]

    async def start(self, index: int, total: int) -> None:
        """Start a shard, and wait until it is ready, as Kubernetes does before it restarts another."""
        stack = AsyncExitStack()
        address = f"--web.listen-address=127.0.0.1:{self.ports[index]}"
        options = (f"--shard.index=openrouter-exporter-{index}", f"--shard.total={total}", address)
        daemon: Daemon = await stack.enter_async_context(serving(self.configuration, *options))
        self.running[index] = stack
        await until(lambda: daemon.get("-/ready"), lambda answer: answer[0] == 200)

    async def stop(self, index: int) -> None:
        await self.running.pop(index).aclose()


@pytest.fixture
async def fleet(prometheus_program: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Two of two shards that Prometheus scrapes, and the address of a third."""
    path = tmp_path / "exporter.yaml"
    ports = [free_port() for _ in range(3)]
    targets = {f"shard-{index}": f"127.0.0.1:{port}" for index, port in enumerate(ports)}
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        write_configuration(path, simulator.url, NAMES)
        rules = [rule for rule in hastened(tmp_path) if rule.name == "openrouter-recording-spend.yaml"]
        async with prometheus(prometheus_program, targets, tmp_path, rules=rules) as server:
            fleet = Fleet(path, ports, server, {})
            try:
                for index in range(2):
                    await fleet.start(index, 2)
                yield fleet
            finally:
                for index in list(fleet.running):
                    await fleet.stop(index)


async def test_from_two_shards_to_three_no_account_is_doubled_or_lost(fleet: Fleet) -> None:
    """The new shard begins before the others restart, one by one, and give up what it polls."""
    assert {0, 1, 2} == {shard_of(name, 3) for name in NAMES}
    moved = [name for name in NAMES if shard_of(name, 3) == 2]
    complete = f"count({SHOWN}) == {len(NAMES)} and abs({TOTAL} - sum({SHOWN})) < 0.001"
    (expected,) = await fleet.server.until(f"{TOTAL} and {complete}", bool)
    start = time.time()
    await fleet.start(2, 3)
    await fleet.server.until(f"{INSTANCES} == 2", lambda found: len(found) == len(moved))
    for index in (1, 0):
        await fleet.stop(index)
        await fleet.start(index, 3)
    await fleet.server.until(f"{INSTANCES} == 1", lambda found: len(found) == len(NAMES))
    end = time.time()
    (total,) = await fleet.server.history(TOTAL, start, end)
    assert [] == [value for value in total.values() if value != pytest.approx(expected)]
    assert len(total) == int(end - start) + 1
    for name in moved:
        (shown,) = await fleet.server.history(f'{SHOWN}{{account="{name}"}}', start, end)
        assert len(shown) == len(total)
    by_shard = {
        sample.labels["instance"]: sample.value for sample in await fleet.server.vector("openrouter_exporter_accounts")
    }
    counts = [sum(shard_of(name, 3) == index for name in NAMES) for index in range(3)]
    assert {f"shard-{index}": count for index, count in enumerate(counts)} == by_shard
