"""Weeks of operation in seconds: a clock that is moved, faults, reloads and scrapes at random, and nothing piles up.

`SOAK_POLLS` makes it longer: `make soak`.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.registry import configured, only
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.errors import ConfigurationError, Mistake
from exporter.simulator import usage
from exporter.simulator.accounts import seed_of_account
from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.support import FakeClock

POLLS = int(os.environ.get("SOAK_POLLS", "60"))
SEEDS = {team: seed_of_account(usage.DEFAULT_SEED, team) for team in ("team-1", "team-2", "team-3", "team-4")}
CLOSING_CHECKS = 1000  # at 10 ms
ENDPOINTS = 5  # more than the fewest that a table may hold
INTERVAL = 900.0
QUERY = AnalyticsQuery(name="performance", metrics=("p99_latency", "request_count"), dimensions=("model",))
STALE_AFTER = 4 * 3600.0

FAULTS = [
    *("status-401", "status-403", "status-404", "status-429", "status-500", "status-503", "html-200", "html-502"),
    *("error-200", "not-json", "wrong-shape", "top-list", "no-data", "redirect", "truncated", "truncated-chunked"),
    *("reset", "close", "hang", "wrong-encoding", "oversized", "gzip-bomb"),
    *("bad-row", "truncated-rows", "pretty", "string-numbers", "rfc3339-dates", "plain-dates", "no-cached-tokens"),
]


@dataclass
class Life:
    """A daemon under test, the accounts that it may have, and the state of its files."""

    clock: FakeClock
    simulator: Running
    chance: random.Random
    exporter: Exporter = field(init=False)
    configuration: Configuration | None = field(init=False)

    def __post_init__(self) -> None:
        first = self.some_configuration()
        self.configuration = first
        self.exporter = Exporter(first, self.clock, read_configuration=self.read)

    def some_configuration(self) -> Configuration:
        """Return one to four of the accounts, with intervals, limits and collectors that differ between reloads."""
        teams = self.chance.sample(sorted(SEEDS), self.chance.randint(1, len(SEEDS)))
        activity = ActivitySettings(
            interval=INTERVAL,
            stale_after=STALE_AFTER,
            max_endpoints=self.chance.choice([3, 5000]),
            settle_delay=self.chance.choice([0.0, 1800.0]),
            split_by=self.chance.choice(["none", "none", "api_key"]),
        )
        balances = configured(activity, AnalyticsSettings(presets=(), queries=(QUERY,)))
        collectors = self.chance.choice([only(activity), balances])
        backoff = Backoff(max_elapsed_time=20.0, initial_interval=0.5, jitter=0.0)
        return Configuration(
            upstream=Upstream(
                base_url=self.simulator.url,
                timeout=0.2,
                max_response_bytes=2**20,
                requests_per_minute=100_000,
                retries=Retries(backoff=backoff),
            ),
            accounts=tuple(Account(name=team, key=_key(team), collectors=collectors) for team in teams),
        )

    def read(self) -> Configuration:
        """Return the current content of the file."""
        if self.configuration is None:
            raise ConfigurationError((Mistake("exporter.yaml", 1, 1, "bad on purpose"),))
        return self.configuration

    async def reload(self) -> None:
        """Reload another configuration, an invalid one, or the same one."""
        kind = self.chance.choice(["other", "bad", "same"])
        before = self.configuration
        self.configuration = self.some_configuration() if kind == "other" else None if kind == "bad" else before
        if kind == "bad":
            with pytest.raises(ConfigurationError):
                await self.exporter.reload()
            self.configuration = before
        else:
            await self.exporter.reload()

    async def step(self) -> None:
        """Let time pass and polls run, and inject random events."""
        self.clock.advance(self.chance.choice([INTERVAL, INTERVAL, INTERVAL, 3 * 3600.0]))
        fault = self.chance.choice(FAULTS) if self.chance.random() < 0.5 else None
        self.simulator.faults.replace(*_faults(fault))
        if self.chance.random() < 0.1:
            await self.reload()
        await self.exporter.poll_once()
        check_totals(self.exporter, self.clock.now())


def _key(team: str) -> EnvironmentSecret:
    return EnvironmentSecret("KEY", {"KEY": f"sk-or-v1-demo-{team}"})


def _faults(name: str | None) -> Iterator[Fault]:
    if name is not None:
        # Whatever hangs is waited for in real time, so it happens once per step.
        yield replace(parse_fault(name), times=1 if name == "hang" else None)


@cache
def account(seed: int) -> usage.SimulatedAccount:
    return usage.SimulatedAccount(seed, ENDPOINTS)


@cache
def spend(seed: int, day: date) -> float:
    return sum(row.usage for row in account(seed).rows_of_day(day))


def scrape(exporter: Exporter) -> str:
    """Return the exposition."""
    return gzip.decompress(exporter.scrape("", "gzip", ()).body).decode()


@cache
def series(text: str) -> Sample:
    """Return the name and labels of a line: parsing those of every line again took a third of the test."""
    [family] = text_string_to_metric_families(f"{text} 0\n")
    [sample] = family.samples
    return sample


def check_totals(exporter: Exporter, now: datetime) -> None:
    """Check that every published total is right for its day, and that no account publishes expired values."""
    shown: dict[tuple[str, str], float] = {}
    for line in scrape(exporter).splitlines():
        if line and not line.startswith("#"):
            text, _, value = line.rpartition(" ")
            sample = series(text)
            if "account" in sample.labels and sample.labels.get("collector", "activity") == "activity":
                key = (sample.name, sample.labels["account"])
                shown[key] = shown.get(key, 0.0) + float(value)
    for (name, team), timestamp in shown.items():
        if name == "openrouter_activity_day_timestamp_seconds":
            day = datetime.fromtimestamp(timestamp, UTC).date()
            succeeded = shown["openrouter_collector_last_success_timestamp_seconds", team]
            assert now.timestamp() - succeeded <= STALE_AFTER
            assert day < datetime.fromtimestamp(succeeded, UTC).date()
            assert ("openrouter_activity_usage_usd", team) in shown
            for window, length in (("", 1), ("7d_", 7), ("30d_", 30), ("month_to_date_", day.day)):
                total = shown.get((f"openrouter_activity_{window}usage_usd", team))
                expected = sum(spend(SEEDS[team], day - timedelta(days=back)) for back in range(length))
                assert total is None or pytest.approx(expected, rel=1e-9) == total, (window, team, day)
    check_balances(shown)


def check_balances(shown: dict[tuple[str, str], float]) -> None:
    """Check that the balance is purchased minus used credits, and that no part exceeds its total."""
    for (name, team), value in shown.items():
        if name == "openrouter_credits_balance_usd":
            bought, used = (shown[f"openrouter_credits_{kind}_usd", team] for kind in ("purchased", "used"))
            assert pytest.approx(bought - used, abs=1e-6) == value
        if name == "openrouter_today_timestamp_seconds":
            whole = spend(SEEDS[team], datetime.fromtimestamp(value, UTC).date())
            assert 0 <= shown["openrouter_today_usage_usd", team] <= whole * (1 + 1e-9)
        if name == "openrouter_key_usage_today_usd":
            assert 0 <= value <= shown["openrouter_key_usage_usd", team] * (1 + 1e-9)


def in_use() -> tuple[int, int]:
    """Return the numbers of open descriptors and of tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())


def objects() -> int:
    """Return the number of objects that the garbage collector tracks."""
    gc.collect()
    return len(gc.get_objects())


async def test_descriptors_tasks_and_objects_do_not_leak_and_totals_stay_right() -> None:
    """After many polls, all descriptors and tasks are released, and there are hardly more objects than early on."""
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    clock = FakeClock(self_moving=True)
    async with running(SimulatorSettings(endpoints=ENDPOINTS), clock) as simulator:
        life = Life(clock, simulator, random.Random(1))  # noqa: S311 — repeatable, not secret
        before, early = in_use(), 0
        for step in range(POLLS):
            await life.step()
            if step == POLLS // 3:
                early = await settled(life)
        late = await settled(life)
        assert before == await released(life, before)
        await life.exporter.close()
    assert [] == unhandled
    assert late < 1.2 * early


async def released(life: Life, expected: tuple[int, int]) -> tuple[int, int]:
    """Replace the HTTP session, and return what is in use once its connections are closed, or after some seconds.

    Open connections can't be compared: their number depends on which polls ran at the same time, and closing takes a
    few turns of the event loop at both ends, which are in this process. Without any, a leak of one shows.
    """
    assert life.configuration is not None
    upstream = replace(life.configuration.upstream, timeout=life.configuration.upstream.timeout + 1.0)
    life.configuration = replace(life.configuration, upstream=upstream)
    await life.exporter.reload()
    for _ in range(CLOSING_CHECKS):
        if in_use() == expected:
            break
        await asyncio.sleep(0.01)
    return in_use()


async def settled(life: Life) -> int:
    """Bring the daemon into a comparable state with all accounts and no faults, poll once and count objects."""
    life.simulator.faults.replace()
    chosen = life.some_configuration()
    while len(chosen.accounts) < len(SEEDS):
        chosen = life.some_configuration()
    # Without faults no request waits for its timeout, and a busy machine must not fail this poll.
    life.configuration = replace(chosen, upstream=replace(chosen.upstream, timeout=30.0))
    await life.exporter.reload()
    life.clock.advance(86400.0)
    assert await life.exporter.poll_once()
    check_totals(life.exporter, life.clock.now())
    assert list(text_string_to_metric_families(scrape(life.exporter)))
    return objects()
