"""The pollers of the public catalogue: when they poll again, and for which models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueEndpointsSettings, CatalogueSettings
from exporter.polling.catalogue_runtime import CatalogueRuntime
from exporter.polling.poller_group import PollingContext
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.polling.test_account_runtime import sharing

GPT, SONNET = ModelUse("openai/gpt-5", "", 2.0, 1.0), ModelUse("anthropic/claude-sonnet-4.5", "", 1.0, 1.0)


@dataclass
class Reading:
    """A runtime, the models that accounts use, and the pollers that it wants to poll soon."""

    context: PollingContext
    settings: CatalogueSettings
    used: tuple[ModelUse, ...] = (GPT,)
    soon: list[str] = field(default_factory=list)

    def runtime(self, used: Callable[[], tuple[ModelUse, ...]] | None = None) -> CatalogueRuntime:
        return CatalogueRuntime(self.settings, self.context, used or (lambda: self.used), self.soon.append)

    def series(self, collector: str = "catalogue") -> int:
        return self.context.store.series("", collector, self.context.clock.monotonic())


@asynccontextmanager
async def reading(simulator: Running, **settings: Any) -> AsyncIterator[Reading]:
    async with sharing(simulator.url) as context:
        yield Reading(context, CatalogueSettings(**settings))


def noted(runtime: CatalogueRuntime, soon: list[str]) -> Callable[[str, tuple[ModelUse, ...]], list[str]]:
    """Return a function that records the models of an account and returns the pollers to run soon."""

    def note(account: str, uses: tuple[ModelUse, ...]) -> list[str]:
        soon.clear()
        runtime.note_use(account, uses)
        return list(soon)

    return note


async def test_new_models_in_use_are_polled_soon(simulator: Running) -> None:
    """Each is polled once, and not if another account uses it already."""
    async with reading(simulator) as at:
        runtime = at.runtime()
        await runtime.poll_all()
        note = noted(runtime, at.soon)
        assert [] == note("one", (GPT,))
        new = (GPT, SONNET)
        assert ["catalogue"] == note("two", new)
        assert [] == note("two", new)
        at.used = new
        await runtime.poll(runtime.pollers[0])
        assert [] == note("three", (SONNET,))


async def test_models_of_a_removed_account_are_forgotten(simulator: Running) -> None:
    """A new account with the same name starts without them."""
    async with reading(simulator) as at:
        runtime = at.runtime()
        await runtime.poll_all()
        note, new = noted(runtime, at.soon), (GPT, SONNET)
        note("one", new)
        note("two", new)
        runtime.keep({"one"})
        assert [[], ["catalogue"]] == [note("one", new), note("two", new)]


async def test_endpoints_are_polled_soon_after_the_catalogue_lists_other_models(simulator: Running) -> None:
    async with reading(simulator) as at:
        runtime = at.runtime()
        await runtime.poll(runtime.pollers[0])
        assert ["catalogue_endpoints"] == at.soon
        at.soon.clear()
        await runtime.poll(runtime.pollers[0])
        assert [] == at.soon


async def test_models_that_come_into_use_during_a_poll_are_polled_again(simulator: Running) -> None:
    """A poll takes seconds, and accounts are polled meanwhile."""
    async with reading(simulator, endpoints=CatalogueEndpointsSettings(enabled=False)) as at:
        order = iter([(GPT,), (GPT,), (GPT, SONNET)])
        runtime = at.runtime(lambda: next(order))
        await runtime.poll(runtime.pollers[0])
        assert ["catalogue"] == at.soon


async def test_endpoints_of_the_most_used_models_are_read(simulator: Running) -> None:
    """`max_models` is the limit."""
    async with reading(simulator, max_models=1) as at:
        at.used = (GPT, SONNET)
        await at.runtime().poll_all()
        paths = [request.path for request in simulator.requests]
        assert ["/api/v1/models", "/api/v1/models/openai/gpt-5/endpoints"] == paths
        assert at.series() > 0
        assert at.series("catalogue_endpoints") > 0


async def test_changed_intervals_keep_the_data(simulator: Running) -> None:
    async with reading(simulator) as at:
        old = at.runtime()
        await old.poll_all()
        simulator.faults.replace(parse_fault("status-500"))
        at.settings = CatalogueSettings(interval=60.0)
        new = at.runtime()
        assert {"catalogue", "catalogue_endpoints"} == new.inherit(old)
        await new.poll(new.pollers[0])
        assert at.series() > 0


async def test_caller_of_all_pollers_is_not_cancelled_with_them(simulator: Running) -> None:
    """It is not a poll, and a later reload must not end it."""
    async with reading(simulator) as at:
        runtime = at.runtime()
        await runtime.poll_all()
        runtime.abandon_polls()
        await asyncio.sleep(0)
        assert not runtime.polls_in_progress


async def test_health_of_the_catalogue_has_no_account(simulator: Running) -> None:
    async with reading(simulator) as at:
        runtime = at.runtime()
        await runtime.poll_all()
        value = runtime.metrics_registry.get_sample_value
        assert 1.0 == value("openrouter_collector_success", {"collector": "catalogue"})
        assert 1.0 == value("openrouter_exporter_api_responses_total", {"operation": "models", "code": "200"})
        assert 0.0 == value("openrouter_exporter_api_throttled_seconds_total")
        assert "openrouter_up" not in {family.name for family in runtime.metrics_registry.declarations()}
