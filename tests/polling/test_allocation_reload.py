"""Allocation labels in a running account: published beside the data, and changed by a reload without a request."""

from __future__ import annotations

import re
from dataclasses import replace

from exporter.collectors.keys import KeysSettings
from exporter.collectors.registry import only
from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.config.configuration import Account
from exporter.exposition.gzip import inflate, join
from exporter.polling.account import AccountRuntime
from exporter.polling.poller_group import PollingContext
from exporter.simulator.application import Running
from tests.api.harness import Key
from tests.polling.test_account_runtime import sharing

INFO = "openrouter_allocation_info"


def account(key: Key, team: str, labels: tuple[str, ...] = ("team",)) -> Account:
    rule = AllocationRule(key=re.compile("production"), labels={"team": team} if labels else {})
    return Account(
        name="default",
        key=key,
        collectors=only(KeysSettings()),
        labels={"team": "platform"} if labels else {},
        allocations=Allocations(labels=labels, rules=(rule,)),
    )


def teams(shared: PollingContext) -> set[str]:
    """Return the teams that a scrape shows."""
    parts = [part[INFO].lines for part in shared.store.parts(shared.clock.monotonic()) if INFO in part]
    text = b"".join(inflate(join(parts))).decode()
    return set(re.findall(r'team="(\w+)"', text))


async def test_labels_are_published_with_the_keys(simulator: Running) -> None:
    async with sharing(simulator.url) as shared:
        runtime = AccountRuntime(account(Key(), "search"), shared)
        await runtime.poll_all()
        assert teams(shared) == {"search", "platform"}
        assert runtime.metrics_registry.get_sample_value(
            "openrouter_account_info", {"account": "default", "team": "platform"}
        )


async def test_reload_changes_labels_at_the_next_poll_and_keeps_the_data(simulator: Running) -> None:
    async with sharing(simulator.url) as shared:
        key = Key()
        old = AccountRuntime(account(key, "search"), shared)
        await old.poll_all()
        new = AccountRuntime(account(key, "ads"), shared)
        shared.store.drop("default", new.inherit(old))
        assert teams(shared) == {"search", "platform"}
        await new.poll_all()
        assert new.pollers[0].state.records[-1].outcome == "unchanged"
        assert teams(shared) == {"ads", "platform"}


async def test_allocation_labels_disappear_with_their_configuration(simulator: Running) -> None:
    async with sharing(simulator.url) as shared:
        key = Key()
        old = AccountRuntime(account(key, "search"), shared)
        await old.poll_all()
        new = AccountRuntime(account(key, "", labels=()), shared)
        shared.store.drop("default", new.inherit(old))
        await new.poll_all()
        assert teams(shared) == set()


async def test_labels_expire_with_the_keys(simulator: Running) -> None:
    async with sharing(simulator.url) as shared:
        runtime = AccountRuntime(account(Key(), "search"), shared)
        await runtime.poll_all()
        shared.clock.advance(replace(KeysSettings()).stale_after)  # type: ignore[attr-defined]  # a FakeClock
        assert teams(shared) == set()
