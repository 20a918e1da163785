"""The public catalogue in the daemon: one request per process, without a key, for the models in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from exporter.config.catalogue_settings import CatalogueEndpointsSettings, CatalogueSettings
from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.daemon.test_wiring import Daemon, configuration, started
from tests.support import FakeClock

MODELS = "/api/v1/models"
PRICE, UPTIME = "openrouter_model_price_usd", "openrouter_endpoint_uptime_ratio"


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return the simulated API of a small account, at noon."""
    async with running(SimulatorSettings(endpoints=5), FakeClock()) as server:
        yield server


@asynccontextmanager
async def reading(simulator: Running, *names: str, **settings: Any) -> AsyncIterator[Daemon]:
    """Run a daemon that reads the catalogue."""
    async with started(replace(configuration(simulator, *names), catalogue=CatalogueSettings(**settings))) as daemon:
        yield daemon


def series(daemon: Daemon, name: str) -> list[dict[str, str]]:
    """Return the labels of each sample of a family."""
    return [labels for labels, _ in daemon.samples(name)]


def published(daemon: Daemon) -> bool:
    """Return whether the accounts are up and prices and endpoints are published, without parsing an exposition."""
    status = daemon.exporter.status()
    return all(collector.healthy for collector in status.collectors) and all(
        collector.series for collector in status.catalogue
    )


async def test_models_in_use_are_published_once_for_all_accounts(simulator: Running) -> None:
    async with reading(simulator, "one", "two") as daemon:
        await daemon.until(lambda: published(daemon))
        used = {labels["model"] for labels in series(daemon, "openrouter_activity_endpoint_info")}
        await daemon.until(lambda: {labels["model"] for labels in series(daemon, PRICE)} == used)
        assert simulator.counts[MODELS] <= 3  # at the start, and when each account's models are known
        prompt = [labels["model"] for labels in series(daemon, PRICE) if labels["kind"] == "prompt"]
        assert sorted(used) == sorted(prompt)


async def test_no_key_is_sent(simulator: Running) -> None:
    async with reading(simulator) as daemon:
        await daemon.until(lambda: published(daemon))
    public = [request for request in simulator.requests if request.path.startswith(MODELS)]
    assert public
    assert not [request for request in public if "authorization" in {name.lower() for name in request.headers}]


async def test_health_series_of_the_catalogue_have_no_account(simulator: Running) -> None:
    async with reading(simulator) as daemon:
        await daemon.until(lambda: published(daemon))
        health = series(daemon, "openrouter_collector_success")
        assert {"collector": "catalogue"} in health
        assert {"collector": "catalogue_endpoints"} in health
        assert [{"account": "default"}] == series(daemon, "openrouter_up")
        assert {"operation": "models", "code": "200"} in series(daemon, "openrouter_exporter_api_responses_total")


async def test_failing_catalogue_affects_no_account(simulator: Running) -> None:
    """Its own health series show the failure."""
    simulator.faults.replace(Fault(kind=FaultKind.STATUS, status=503, path="/models"))
    async with reading(simulator) as daemon:
        await daemon.until(lambda: daemon.exporter.ready() is None)
        await daemon.until(lambda: any(collector.polls for collector in daemon.exporter.status().catalogue))
        assert daemon.up()
        assert ["default"] == [collector.account for collector in daemon.exporter.status().collectors]
        assert not daemon.exporter.status().catalogue[0].healthy
        assert [] == series(daemon, PRICE)


async def test_reload_starts_changes_and_ends_the_catalogue(simulator: Running) -> None:
    """Prices stay if only intervals change."""
    async with reading(simulator) as daemon:
        await daemon.until(lambda: published(daemon))
        first = daemon.file.configuration
        assert first is not None
        slower = CatalogueSettings(interval=7200.0, endpoints=CatalogueEndpointsSettings(enabled=False))
        daemon.file.configuration = replace(first, catalogue=slower)
        await daemon.exporter.reload()
        assert (True, []) == (bool(series(daemon, PRICE)), series(daemon, UPTIME))
        daemon.file.configuration = replace(first, catalogue=CatalogueSettings(enabled=False))
        await daemon.exporter.reload()
        assert ((), []) == (daemon.exporter.status().catalogue, series(daemon, PRICE))


@pytest.mark.parametrize("kind", ["not-json", "wrong-shape", "no-data", "truncated", "truncated-chunked", "error-200"])
async def test_invalid_catalogue_delists_no_model(kind: str, simulator: Running) -> None:
    """The last valid one stays."""
    async with reading(simulator) as daemon:
        await daemon.until(lambda: published(daemon))
        before = daemon.samples("openrouter_model_listed")
        simulator.faults.replace(replace(parse_fault(kind), path="/models"))
        await daemon.exporter.poll_once()
        catalogue, _ = daemon.exporter.status().catalogue
        assert not catalogue.healthy
        assert before == daemon.samples("openrouter_model_listed")
        assert {1.0} == {value for _, value in before}
