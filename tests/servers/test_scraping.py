"""Prometheus scrapes the daemon: every series arrives, sums agree, and series that disappear become stale at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from openrouter import OpenRouter
from prometheus_client.parser import text_string_to_metric_families

from exporter.clock import SystemClock
from exporter.simulator.application import Running, running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import KEY, Daemon, serving, usage
from tests.servers.configuration import write_configuration
from tests.servers.prometheus import JOB, Prometheus, prometheus

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The vendor's client warns of its own deprecated fields whenever it reads them.
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]

STALE_AFTER = "5s"
USAGE = '{__name__=~"openrouter_activity_.*"}'
ATTACHED = frozenset({"__name__", "job", "instance"})  # by Prometheus


@dataclass(frozen=True)
class Bench:
    """An API, the daemon that polls it, and the Prometheus that scrapes the daemon."""

    simulator: Running
    daemon: Daemon
    server: Prometheus
    configuration: Path

    async def with_accounts(self, *names: str) -> None:
        """Configure these accounts and reload the daemon."""
        write_configuration(self.configuration, self.simulator.url, names, stale_after=STALE_AFTER)
        async with aiohttp.ClientSession() as session, session.post(self.daemon.url + "-/reload") as response:
            assert 200 == response.status, await response.text()
        await self.healthy(names)

    async def healthy(self, names: Collection[str]) -> None:
        """Wait until Prometheus has scraped successful polls of these accounts."""
        await self.server.until("openrouter_up == 1", lambda result: len(result) == len(names))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_bench(prometheus_program: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """Run the servers for all tests of one version."""
    folder = tmp_path_factory.mktemp("scraping")
    path = folder / "exporter.yaml"
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        write_configuration(path, simulator.url, ["default"], stale_after=STALE_AFTER)
        async with (
            serving(path, "--web.enable-lifecycle") as daemon,
            prometheus(prometheus_program, daemon.url.removeprefix("http://").rstrip("/"), folder) as server,
        ):
            yield Bench(simulator, daemon, server, path)


@pytest_asyncio.fixture(loop_scope="module")
async def bench(running_bench: Bench) -> Bench:
    """Return the servers with one account and without faults."""
    running_bench.simulator.faults.replace()
    await running_bench.with_accounts("default")
    return running_bench


def series(name: str, labels: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return the name and labels of a series. Empty labels are dropped, and bounds of buckets are numbers."""
    own = {key: text for key, text in labels.items() if text and key not in ATTACHED}
    if "le" in own:
        own["le"] = str(float(own["le"]))
    return name, frozenset(own.items())


async def test_prometheus_stores_exactly_the_exposed_series(bench: Bench) -> None:
    shown = {series(name, dict(labels)) for name, labels in await bench.daemon.scrape()}
    arrived = await bench.server.vector(f'{{job="{JOB}",__name__!~"up|scrape_.+"}}')
    assert len(shown) > 300
    assert shown == {series(sample.labels["__name__"], sample.labels) for sample in arrived}


async def test_prometheus_stores_the_exact_values_of_usage(bench: Bench) -> None:
    shown = {series(name, dict(labels)): item for (name, labels), item in usage(await bench.daemon.scrape()).items()}
    arrived = await bench.server.vector(USAGE)
    assert shown == {series(sample.labels["__name__"], sample.labels): sample.value for sample in arrived}


async def test_sums_in_promql_are_those_of_the_sdk(bench: Bench) -> None:
    async with OpenRouter(api_key=KEY, server_url=bench.simulator.url) as client:
        rows = (await client.analytics.get_user_activity_async()).data
    measures = {
        "usage_usd": sum(row.usage for row in rows),
        "byok_usage_usd": sum(row.byok_usage_inference for row in rows),
        "requests": sum(row.requests for row in rows),
        "prompt_tokens": sum(row.prompt_tokens for row in rows),
        "completion_tokens": sum(row.completion_tokens for row in rows),
        "reasoning_tokens": sum(row.reasoning_tokens for row in rows),
        "cached_tokens": sum(row.cached_tokens for row in rows),
    }
    for measure, expected in measures.items():
        assert expected > 0
        result = await bench.server.query(f"sum(openrouter_activity_30d_{measure})")
        assert [pytest.approx(expected, rel=1e-12)] == result


async def test_prometheus_stores_types_and_help(bench: Bench) -> None:
    """Both versions prefer OpenMetrics, where a counter's family is named without _total."""
    _, text = await bench.daemon.get("metrics")
    declared = {family.name: (family.type, family.documentation) for family in text_string_to_metric_families(text)}
    known = await bench.server.get("metadata")
    arrived = {name: (entries[0]["type"], entries[0]["help"]) for name, entries in known.items()}
    assert declared == arrived
    assert "counter" in {kind for kind, _ in arrived.values()}


async def test_expired_usage_becomes_stale_at_once(bench: Bench) -> None:
    """Health series stay and the target is up. After recovery everything is back."""
    before = await bench.server.query(f"count({USAGE})")
    bench.simulator.faults.replace(parse_fault("status-500"))
    await bench.server.until(f"count({USAGE})", lambda counts: counts == [])
    assert [1] == await bench.server.query("up")
    assert [0] == await bench.server.query("openrouter_up")
    assert [0] == await bench.server.query("openrouter_collector_success")
    bench.simulator.faults.replace()
    await bench.server.until(f"count({USAGE})", lambda counts: counts == before)


async def test_series_of_a_removed_account_become_stale_at_the_next_scrape(bench: Bench) -> None:
    """Those of the other account stay."""
    await bench.with_accounts("default", "second")
    of_second, of_default = (f'count({{account="{name}"}})' for name in ("second", "default"))
    assert await bench.server.until(of_second, bool)
    await bench.with_accounts("default")
    await bench.server.until(of_second, lambda counts: counts == [])
    assert await bench.server.query(of_default)
