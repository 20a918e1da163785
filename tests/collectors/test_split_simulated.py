"""Splits of the simulated account, from the API's responses to the exposition text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.base import Collector
from exporter.collectors.constants import UNATTRIBUTED
from exporter.collectors.keys import KeysCollector, KeysSettings
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.scrape import Exposition
from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.service import SimulatorSettings
from tests.polling.harness import Polling, polling
from tests.support import FakeClock

SPLITS = {"api_key": "key", "member": "user_id", "workspace": "workspace_id"}
NOW = {"settle_delay": 0.0, "empty_day_after": 0.0}

Series = dict[tuple[tuple[str, str], ...], float]


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return a simulated account of four keys with usage, of which one was deleted."""
    async with running(SimulatorSettings(endpoints=8, api_keys=3), FakeClock()) as server:
        yield server


def scraped(poller: Polling) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return each scraped family with its samples."""
    exposition = Exposition(poller.store, MetricsRegistry(), poller.clock)
    text = exposition.scrape("", "", ()).body.decode()
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


@asynccontextmanager
async def reading(simulator: Running, collector: Collector[Any]) -> AsyncIterator[Polling]:
    """Return a poller after its first poll."""
    async with polling(collector, simulator.url) as poller:
        record = await poller.poll()
        assert record is not None
        assert record.outcome == "changed", record.error
        yield poller


def activity(split_by: str, **settings: Any) -> ActivityCollector:
    """Return a collector that splits usage."""
    return ActivityCollector("default", ActivitySettings(split_by=split_by, **settings))  # type: ignore[arg-type]


async def shown(simulator: Running, collector: Collector[Any]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the scraped families after one poll."""
    async with reading(simulator, collector) as poller:
        return scraped(poller)


def without(label: str, samples: list[tuple[dict[str, str], float]]) -> Series:
    """Return samples summed over a label."""
    sums: Series = defaultdict(float)
    for labels, value in samples:
        sums[tuple(sorted((name, text) for name, text in labels.items() if name != label))] += value
    return sums


@pytest.mark.parametrize("split_by", SPLITS)
async def test_split_adds_up_to_the_total(simulator: Running, split_by: str) -> None:
    whole = await shown(simulator, activity("none"))
    split = await shown(simulator, activity(split_by))
    names = [name for name in whole if name.startswith("openrouter_activity_") and "info" not in name]
    assert len(names) == 4 * 8 + 1
    for name in names:
        assert without("", whole[name]) == pytest.approx(without(SPLITS[split_by], split[name]), rel=1e-12)


@pytest.mark.parametrize(("split_by", "rest"), [("api_key", True), ("member", False)])
async def test_usage_of_a_deleted_key_is_unattributed_by_key_but_not_by_member(
    simulator: Running, split_by: str, *, rest: bool
) -> None:
    """All members are still listed."""
    result = await shown(simulator, activity(split_by))
    parts = {labels[SPLITS[split_by]] for labels, _ in result["openrouter_activity_30d_requests"]}
    assert rest == (UNATTRIBUTED in parts)
    assert len(parts) == 4 if rest else 3


async def test_usage_by_key_joins_with_names(simulator: Running) -> None:
    use = await shown(simulator, activity("api_key"))
    names = await shown(simulator, KeysCollector("default", KeysSettings(), names_all=True))
    named = {(labels["account"], labels["key"]): labels["name"] for labels, _ in names["openrouter_key_info"]}
    used = {(labels["account"], labels["key"]) for labels, _ in use["openrouter_activity_30d_requests"]}
    assert ("default", UNATTRIBUTED) in used <= set(named)
    assert all(named.values())


async def test_usage_by_member_joins_with_names(simulator: Running) -> None:
    """E-mail addresses are only published if they are configured."""
    result = await shown(simulator, activity("member"))
    named: Mapping[str, str] = {labels["user_id"]: labels["name"] for labels, _ in result["openrouter_member_info"]}
    used = {labels["user_id"] for labels, _ in result["openrouter_activity_30d_requests"]}
    assert used | {UNATTRIBUTED} == set(named)
    assert all(named.values())
    assert "@" not in repr(result)
    with_email = await shown(simulator, activity("member", member_labels=("email",)))
    emails = {labels["user_id"]: labels["email"] for labels, _ in with_email["openrouter_member_info"]}
    assert {name for name, email in emails.items() if "@" not in email} == {UNATTRIBUTED}


async def test_usage_by_workspace_joins_with_names(simulator: Running) -> None:
    result = await shown(simulator, activity("workspace"))
    named = {labels["workspace_id"]: labels["name"] for labels, _ in result["openrouter_workspace_info"]}
    assert {labels["workspace_id"] for labels, _ in result["openrouter_activity_30d_requests"]} <= set(named)
    assert "Default" in named.values()


@pytest.mark.parametrize("failing", range(5))
async def test_failure_of_any_request_keeps_the_values(simulator: Running, failing: int) -> None:
    """The next poll is complete again."""
    async with reading(simulator, activity("api_key")) as poller:
        good = scraped(poller)["openrouter_activity_requests"]
        passing = [Fault(FaultKind.SLOW, delay=0.0, times=failing, path="/activity")] if failing else []
        simulator.faults.replace(*passing, Fault(FaultKind.STATUS, status=500, times=1, path="/activity"))
        record = await poller.poll(after=900.0)
        assert record is not None
        assert ("failed", "5xx") == (record.outcome, record.status_class)
        assert good == scraped(poller)["openrouter_activity_requests"]
        simulator.faults.replace()
        record = await poller.poll(after=900.0)
        assert record is not None
        assert record.outcome == "unchanged"


async def test_parts_and_total_of_different_days_fail_the_poll(simulator: Running) -> None:
    """The API may add a day between two requests."""
    simulator.faults.replace(Fault(FaultKind.LATE_DAY, times=1, path="/activity"))
    async with polling(activity("api_key", **NOW), simulator.url) as poller:
        record = await poller.poll()
        assert record is not None
        assert "rows changed while the parts of the split were read" in (record.error or "")
        assert poller.published() == 0


async def test_unchanged_responses_publish_nothing(simulator: Running) -> None:
    async with reading(simulator, activity("member")) as poller:
        record = await poller.poll(after=900.0)
        assert record is not None
        assert record.outcome == "unchanged"
        assert simulator.counts["/api/v1/activity"] == 2 * 5
