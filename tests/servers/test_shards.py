"""A sharded fleet in Prometheus: every account and model counts once, also while the number of shards changes."""

from __future__ import annotations

import asyncio
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
COMPLETE = f"{TOTAL} and count({SHOWN}) == {len(NAMES)} and abs({TOTAL} - sum({SHOWN})) < 0.001"
INSTANCES = "count by (account) (count by (account, instance) (openrouter_activity_30d_usage_usd))"


@dataclass
class Fleet:
    """Shards at fixed addresses, and the Prometheus that scrapes them all."""

    configuration: Path
    ports: list[int]
    server: Prometheus
    running: dict[int, AsyncExitStack]

    async def start(self, index: int, total: int) -> None:
        """Start a shard and wait until it is ready, as Kubernetes does before it restarts another."""
        stack = AsyncExitStack()
        address = f"--web.listen-address=127.0.0.1:{self.ports[index]}"
        options = (f"--shard.index=openrouter-exporter-{index}", f"--shard.total={total}", address)
        daemon: Daemon = await stack.enter_async_context(serving(self.configuration, *options))
        self.running[index] = stack
        await until(lambda: daemon.get("-/ready"), lambda response: response[0] == 200)

    async def stop(self, *indexes: int) -> None:
        await asyncio.gather(*(self.running.pop(index).aclose() for index in indexes))


@pytest.fixture
async def fleet(prometheus_program: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Return the Prometheus that scrapes three shards, none of which runs yet."""
    path = tmp_path / "exporter.yaml"
    ports = [free_port() for _ in range(3)]
    targets = {f"shard-{index}": f"127.0.0.1:{port}" for index, port in enumerate(ports)}
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        write_configuration(path, simulator.url, NAMES)
        rules = [rule for rule in hastened(tmp_path) if rule.name == "openrouter-recording-spend.yaml"]
        async with prometheus(prometheus_program, targets, tmp_path, rules=rules) as server:
            fleet = Fleet(path, ports, server, {})
            try:
                yield fleet
            finally:
                await fleet.stop(*fleet.running)


async def test_no_account_is_doubled_or_lost_when_a_third_shard_is_added(fleet: Fleet) -> None:
    """The new shard starts before the others restart one by one and give up accounts."""
    assert {0, 1, 2} == {shard_of(name, 3) for name in NAMES}
    moved = [name for name in NAMES if shard_of(name, 3) == 2]
    for index in range(2):
        await fleet.start(index, 2)
    (expected,) = await fleet.server.until(COMPLETE, bool)
    start = time.time()
    await fleet.start(2, 3)
    await fleet.server.until(f"{INSTANCES} == 2", lambda result: len(result) == len(moved))
    for index in (1, 0):
        await fleet.stop(index)
        await fleet.start(index, 3)
    await fleet.server.until(f"{INSTANCES} == 1", lambda result: len(result) == len(NAMES))
    end = time.time()
    (total,) = await fleet.server.history(TOTAL, start, end)
    assert [] == [value for value in total.values() if value != pytest.approx(expected)]
    assert len(total) == int(end - start) + 1
    for name in moved:
        (shown,) = await fleet.server.history(f'{SHOWN}{{account="{name}"}}', start, end)
        assert len(shown) == len(total)
    counts = {f"shard-{index}": sum(shard_of(name, 3) == index for name in NAMES) for index in range(3)}

    async def accounts_by_shard() -> dict[str, float]:
        samples = await fleet.server.vector("openrouter_exporter_accounts")
        return {sample.labels["instance"]: sample.value for sample in samples}

    await until(accounts_by_shard, lambda by_shard: by_shard == counts)


async def test_total_is_constant_when_the_third_shard_is_removed(fleet: Fleet) -> None:
    """The remaining shards restart while it ends, and take over its accounts."""
    for index in range(3):
        await fleet.start(index, 3)
    (expected,) = await fleet.server.until(COMPLETE, bool)
    start = time.time()
    await fleet.stop(0, 1, 2)
    await asyncio.gather(fleet.start(0, 2), fleet.start(1, 2))
    await fleet.server.until(f"{INSTANCES} == 1", lambda result: len(result) == len(NAMES))
    end = time.time()
    (total,) = await fleet.server.history(TOTAL, start, end)
    assert [] == [value for value in total.values() if value != pytest.approx(expected)]
    assert len(total) == int(end - start) + 1


async def test_prices_of_models_on_several_shards_count_once(prometheus_program: str, tmp_path: Path) -> None:
    """Shard 1 uses the models of shard 0 and others."""
    async with AsyncExitStack() as stack:
        targets = {}
        for index, endpoints in enumerate((5, 20)):
            simulator = await stack.enter_async_context(running(SimulatorSettings(endpoints=endpoints), SystemClock()))
            path = tmp_path / f"exporter-{index}.yaml"
            write_configuration(path, simulator.url, NAMES[:4], catalogue=True)
            daemon = await stack.enter_async_context(serving(path, f"--shard.index={index}", "--shard.total=2"))
            targets[f"shard-{index}"] = daemon.url.removeprefix("http://").rstrip("/")
        rules = hastened(tmp_path)
        server = await stack.enter_async_context(prometheus(prometheus_program, targets, tmp_path, rules=rules))
        used = "count by (instance, model) (openrouter_activity_30d_requests)"
        listed = f"openrouter_model_listed and on (instance, model) {used}"
        await server.until(
            f"count by (instance) ({listed}) == count by (instance) ({used})", lambda result: len(result) == 2
        )
        assert {1, 2} == set(await server.query(f"count by (model) ({listed})"))
        prices = 'count by (model) (openrouter_model_price_usd{kind="prompt"})'
        await server.until(
            f'model_kind:openrouter_model_price_usd:max{{kind="prompt"}} and on (model) {prices} == 2', bool
        )
        priced = f"account_model:openrouter_activity_7d_requests:sum and on (model) {prices}"
        costs = "count by (account, model) (account_model:openrouter_activity_7d_list_cost_usd:sum)"
        await server.until(f"count({priced}) == count({costs})", bool)
        assert {1} == set(await server.query(costs))
