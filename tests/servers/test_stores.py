"""The recipes of docs/stores.md: every series arrives in each store with its value, and disappears in time."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from math import isclose, nan
from pathlib import Path

import aiohttp
import pytest

from exporter.clock import SystemClock
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import KEY, Daemon, run, samples, serving, value
from tests.servers.configuration import write_configuration
from tests.servers.other_stores import PAGE, recipe, store_program, victoria_metrics
from tests.servers.programs import free_port, installed_prometheus, started, until
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.shipped import RULES, hastened

USAGE = '{__name__=~"openrouter_activity_.*"}'
TARGET = "localhost:10063"
ADDED = re.compile("__name__|job|instance|server_address|service_.*|server_port|url_scheme|otel_scope_.*|exported_.*")

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class Source:
    """A daemon with two accounts, and its configuration."""

    daemon: Daemon
    configuration: Path
    api: str

    @property
    def address(self) -> str:
        return self.daemon.url.removeprefix("http://").rstrip("/")

    async def usage(self) -> dict[Series, float]:
        result = await self.daemon.scrape()
        return {
            (name, frozenset(pair for pair in labels if pair[1])): number
            for (name, labels), number in result.items()
            if name.startswith("openrouter_activity_")
        }

    async def remove_an_account(self) -> None:
        write_configuration(self.configuration, self.api, ["team-a"])
        async with aiohttp.ClientSession() as session, session.post(self.daemon.url + "-/reload") as response:
            assert 200 == response.status


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Source]:
    path = tmp_path / "exporter.yaml"
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        write_configuration(path, simulator.url, ["team-a", "team-b"])
        async with serving(path, "--web.enable-lifecycle") as daemon:
            await until(lambda: daemon.get("-/ready"), lambda response: response[0] == 200)
            yield Source(daemon, path, simulator.url)


async def usage_in(store: Prometheus) -> dict[Series, float]:
    """Return the usage in a store, without labels added by the store or the scrape."""
    return {
        (
            sample.labels["__name__"],
            frozenset(pair for pair in sample.labels.items() if not ADDED.fullmatch(pair[0])),
        ): sample.value
        for sample in await store.vector(USAGE)
    }


async def check(source: Source, store: Prometheus) -> None:
    """Compare the store with the daemon, then remove an account and wait until its series disappear."""
    expected = await source.usage()
    assert len(expected) > 300

    async def differing() -> list[Series]:
        arrived = await usage_in(store)
        unlike = [one for one, number in expected.items() if not isclose(arrived.get(one, nan), number, rel_tol=1e-12)]
        return [*unlike, *(arrived.keys() - expected.keys())][:5]

    assert [] == await until(differing, lambda differing: differing == [])
    await source.remove_an_account()
    gone = USAGE.replace("}", ',account="team-b"}')
    await store.until(f"count({gone})", lambda counts: counts == [])
    assert await store.query(USAGE)


@asynccontextmanager
async def vmagent(source: Source, store: Prometheus, folder: Path) -> AsyncIterator[None]:
    """Run vmagent between the daemon and a store, by its recipe."""
    scrape = folder / "vmagent.yaml"
    scrape.write_text(recipe("prometheus.yaml", {TARGET: source.address}), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    options = (
        f"-promscrape.config={scrape}",
        f"-remoteWrite.url={store.url}/api/v1/write",
        "-remoteWrite.flushInterval=200ms",
        f"-remoteWrite.tmpDataPath={folder / 'agent'}",
        f"-httpListenAddr={address}",
    )
    async with started(f"http://{address}/health", folder / "vmagent.log", store_program("vmagent"), *options):
        yield


async def test_vmagent_writes_every_series_to_victoria_metrics(source: Source, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(victoria_metrics(tmp_path))
        await stack.enter_async_context(vmagent(source, store, tmp_path))
        await check(source, store)


async def test_vmalert_evaluates_every_rule(source: Source, tmp_path: Path) -> None:
    """Its results are those of Prometheus, and no rule has an error."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(victoria_metrics(tmp_path))
        await stack.enter_async_context(vmagent(source, store, tmp_path))
        alert = f"127.0.0.1:{free_port()}"
        options = (
            *(f"-rule={path}" for path in hastened(tmp_path)),
            f"-datasource.url={store.url}",
            f"-remoteWrite.url={store.url}",
            f"-remoteRead.url={store.url}",
            "-notifier.blackhole",
            # By default it evaluates rules on what was there 30 seconds ago.
            "-rule.evalDelay=0s",
            "-remoteWrite.flushInterval=200ms",
            f"-httpListenAddr={alert}",
        )
        await stack.enter_async_context(
            started(f"http://{alert}/health", tmp_path / "vmalert.log", store_program("vmalert"), *options)
        )
        within = "sum by (account) (openrouter_activity_usage_usd + openrouter_activity_byok_usage_usd)"
        expected = sorted(await store.until(within, lambda result: len(result) == 2))
        recorded = await store.until(
            "account:openrouter_activity_spend_usd:sum", lambda result: sorted(result) == pytest.approx(expected)
        )
        assert 2 == len(recorded)
        total = "fleet:openrouter_activity_spend_usd:sum"
        assert await store.until(total, lambda result: result == [pytest.approx(sum(expected))])
        async with aiohttp.ClientSession() as session, session.get(f"http://{alert}/api/v1/rules") as response:
            groups = (await response.json())["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) > 80
        assert [] == [(rule["name"], rule["lastError"]) for rule in rules if rule.get("lastError")]


async def test_prometheus_agent_writes_every_series_by_remote_write(
    source: Source, prometheus_program: str, tmp_path: Path
) -> None:
    """The target is a second Prometheus."""
    central, edge = tmp_path / "central", tmp_path / "edge"
    central.mkdir()
    edge.mkdir()
    receiver = ("--web.enable-remote-write-receiver",)
    async with prometheus(prometheus_program, "127.0.0.1:1", central, options=receiver) as store:
        addresses = {TARGET: source.address, "http://central:9090": store.url}
        configuration = edge / "agent.yaml"
        configuration.write_text(recipe("agent.yaml", addresses), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        options = (
            "--enable-feature=agent" if prometheus_program == installed_prometheus(2) else "--agent",
            f"--config.file={configuration}",
            f"--storage.agent.path={edge / 'data'}",
            f"--web.listen-address={address}",
        )
        async with started(f"http://{address}/-/ready", edge / "agent.log", prometheus_program, *options):
            await check(source, store)


@asynccontextmanager
async def collector(
    folder: Path, ready_url: str, configurations: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[None]:
    """Run the OpenTelemetry Collector by recipes with addresses of the test."""
    program = store_program("otelcol", "otelcol-contrib", always=False)
    for name, replaced in configurations.items():
        (folder / name).write_text(recipe(name, replaced), encoding="utf-8")
    # Several tests at once have no port for its own metrics.
    options = (*(f"--config={folder / name}" for name in configurations), "--set=service.telemetry.metrics.level=none")
    async with started(ready_url, folder / "otelcol.log", program, *options):
        yield


async def test_opentelemetry_collector_with_remote_write(
    source: Source, prometheus_program: str, tmp_path: Path
) -> None:
    receiver = ("--web.enable-remote-write-receiver",)
    async with prometheus(prometheus_program, "127.0.0.1:1", tmp_path, options=receiver) as store:
        replaced = {TARGET: source.address, "http://central:9090": store.url}
        async with collector(tmp_path, f"{store.url}/-/ready", {"otelcol.yaml": replaced}):
            await check(source, store)


async def test_opentelemetry_collector_that_prometheus_scrapes(
    source: Source, prometheus_program: str, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    recipes = {"otelcol.yaml": {TARGET: source.address}, "otelcol-scraped.yaml": {"localhost:9464": address}}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(collector(tmp_path, f"http://{address}/metrics", recipes))
        store = await stack.enter_async_context(prometheus(prometheus_program, address, tmp_path))
        await check(source, store)


@asynccontextmanager
async def thanos(folder: Path, command: str, grpc: str, *options: str) -> AsyncIterator[str]:
    """Run a component of Thanos with this address for gRPC, and return its URL."""
    http = f"127.0.0.1:{free_port()}"
    addresses = (f"--http-address={http}", f"--grpc-address={grpc}")
    program, log = store_program("thanos", always=False), folder / f"{command}.log"
    async with started(f"http://{http}/-/ready", log, program, command, *addresses, *options):
        yield f"http://{http}"


async def test_thanos_deduplicates_two_replicas_of_prometheus(
    source: Source, prometheus_program: str, tmp_path: Path
) -> None:
    """Thanos Ruler evaluates the rules."""
    sidecars = {replica: f"127.0.0.1:{free_port()}" for replica in ("a", "b")}
    query, ruler = (f"127.0.0.1:{free_port()}" for _ in range(2))
    async with AsyncExitStack() as stack:
        for replica, address in sidecars.items():
            folder = tmp_path / replica
            folder.mkdir()
            scraping = prometheus(prometheus_program, source.address, folder, external_labels={"replica": replica})
            server = await stack.enter_async_context(scraping)
            options = [f"--prometheus.url={server.url}", f"--tsdb.path={folder / 'data'}"]
            await stack.enter_async_context(thanos(folder, "sidecar", address, *options))
        endpoints = [f"--endpoint={address}" for address in (*sidecars.values(), ruler)]
        options = [*endpoints, "--query.replica-label=replica"]
        url = await stack.enter_async_context(thanos(tmp_path, "query", query, *options))
        rules = [f"--rule-file={path}" for path in hastened(tmp_path)]
        options = [*rules, f"--query={url}", f"--data-dir={tmp_path / 'ruler'}", '--label=ruler="a"']
        await stack.enter_async_context(thanos(tmp_path, "rule", ruler, *options))
        store = Prometheus(url)
        spend = "sum(openrouter_activity_usage_usd) + sum(openrouter_activity_byok_usage_usd)"
        await store.until(f"abs(sum(fleet:openrouter_activity_spend_usd:sum) - ({spend})) < 1e-9", bool)
        await check(source, store)


def prepared(folder: Path, printed: str) -> None:
    """Run the page's commands on the output of `once`, with this folder as that of node_exporter."""
    (commands,) = (body for body in PAGE.blocks("bash") if ".prom" in body)
    (folder / "once.txt").write_text(printed, encoding="utf-8")
    script = commands.partition("\n")[2].replace("/var/lib/node_exporter", str(folder))
    subprocess.run(["bash", "-euc", script], check=True, cwd=folder, env={"PATH": os.environ["PATH"]})


async def test_node_exporter_serves_the_textfile_of_once(source: Source, tmp_path: Path) -> None:
    """The commands leave out process metrics, which node_exporter has too."""
    program = store_program("prometheus-node-exporter", "node_exporter")
    code, printed, _ = await run("once", f"--config.file={source.configuration}", variables={"OPENROUTER_API_KEY": KEY})
    assert 0 == code
    folder = tmp_path / "textfile"
    folder.mkdir()
    prepared(folder, printed)
    address = f"127.0.0.1:{free_port()}"
    options = (f"--web.listen-address={address}", f"--collector.textfile.directory={folder}")
    node = started(f"http://{address}/metrics", tmp_path / "node.log", program, *options)
    async with node, aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as response:
        families = samples(await response.text())
    assert 0 == value(families, "node_textfile_scrape_error")
    expected = {
        key for key in samples(printed) if not key[0].startswith(("process_", "python_")) and "_bucket" not in key[0]
    }
    assert expected <= {(name, labels) for name, labels in families}


def test_page_covers_every_rule_file() -> None:
    assert RULES
    assert "config/prometheus/rules/*.yaml" in PAGE.text
