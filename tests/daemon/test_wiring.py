"""The daemon within the test process: reload, readiness, health and drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import only
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.secret import FileSecret, SecretSource
from exporter.config.shard import Shard
from exporter.daemon.exporter import Exporter
from exporter.errors import AccountsRejected, ConfigurationError, Mistake, UnknownAccount
from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.api.harness import Key
from tests.daemon.conftest import samples
from tests.support import FakeClock

ACTIVITY = ActivitySettings(interval=900.0, settle_delay=0.0, empty_day_after=0.0)
ACTIVITY_PATH = "/api/v1/activity"


@dataclass
class Daemon:
    """A polling exporter, its clock and the configuration file that a reload reads."""

    exporter: Exporter
    clock: FakeClock
    file: File
    running: bool = True

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — that of the exporter
        if self.running:
            self.running = False
            await self.exporter.stop(timeout)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values of a family's samples in the exposition."""
        scraped = samples(self.exporter.scrape("", "", ()).body.decode())
        return [(dict(labels), value) for (family, labels), value in scraped.items() if family == name]

    def value(self, name: str, account: str | None = None) -> float | None:
        """Return the value of a sample in the exposition, or None."""
        values = (value for labels, value in self.samples(name) if labels.get("account") == account)
        return next(values, None)

    def up(self, account: str = "default") -> bool:
        return self.value("openrouter_up", account) == 1.0


@dataclass
class File:
    """A configuration file, valid or invalid, and a listener that records reloads."""

    configuration: Configuration | None
    readings: int = 0
    notifications: list[str] = field(default_factory=list)

    def read(self) -> Configuration:
        self.readings += 1
        if self.configuration is None:
            raise ConfigurationError((Mistake("exporter.yaml", 3, 1, "unknown key"),))
        return self.configuration

    @contextmanager
    def announced(self) -> Iterator[None]:
        self.notifications.append("reloading")
        try:
            yield
        finally:
            self.notifications.append("ready")


def configuration(
    simulator: Running,
    *names: str,
    key: SecretSource | None = None,
    activity: ActivitySettings = ACTIVITY,
    retries: Retries | None = None,
) -> Configuration:
    accounts = tuple(Account(name=name, key=key or Key(), collectors=only(activity)) for name in names or ("default",))
    return Configuration(
        upstream=Upstream(base_url=simulator.url, retries=retries or Retries(strategy="none")),
        catalogue=CatalogueSettings(enabled=False),
        accounts=accounts,
    )


@asynccontextmanager
async def started(first: Configuration, clock: FakeClock | None = None) -> AsyncIterator[Daemon]:
    clock, file = clock or FakeClock(), File(first)
    exporter = Exporter(first, clock, read_configuration=file.read, announced_reload=file.announced)
    exporter.start()
    daemon = Daemon(exporter, clock, file)
    try:
        yield daemon
    finally:
        await daemon.stop(0.0)


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return the simulated API of a small account, at noon."""
    async with running(SimulatorSettings(endpoints=5), FakeClock()) as server:
        yield server


async def test_daemon_is_ready_from_its_first_poll_until_the_drain(simulator: Running) -> None:
    """A failed poll counts, because readiness must not depend on the API."""
    simulator.faults.replace(parse_fault("status-500"))
    async with started(configuration(simulator)) as daemon:
        assert "waiting for the first poll of default/activity" == daemon.exporter.ready()
        await daemon.until(lambda: daemon.exporter.ready() is None)
        assert (False, True) == (daemon.up(), daemon.exporter.status().ready)
        daemon.exporter.drain()
        assert ("stopping", False) == (daemon.exporter.ready(), daemon.exporter.status().ready)


async def test_no_poll_begins_after_the_drain(simulator: Running) -> None:
    """A reload after it begins none either."""
    async with started(configuration(simulator, activity=replace(ACTIVITY, interval=0.05))) as daemon:
        await daemon.until(lambda: simulator.counts[ACTIVITY_PATH] >= 2)
        daemon.exporter.drain()
        await daemon.until(lambda: not daemon.exporter.status().collectors[0].polling)
        polls, later = simulator.counts[ACTIVITY_PATH], datetime.now(UTC) + timedelta(seconds=0.15)
        daemon.file.configuration = configuration(simulator, "late")
        await daemon.exporter.reload()
        await daemon.until(lambda: datetime.now(UTC) > later)
        assert polls == simulator.counts[ACTIVITY_PATH]


async def test_health_depends_on_overdue_polls_and_not_on_failed_ones(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("status-500"))
    async with started(configuration(simulator)) as daemon:
        await daemon.until(lambda: daemon.exporter.ready() is None)
        assert daemon.exporter.healthy() is None
        daemon.clock.advance(7200.0)
        assert "no poll for too long: default/activity" == daemon.exporter.healthy()


async def test_reload_polls_added_accounts_and_drops_removed_ones(simulator: Running) -> None:
    """An unchanged account keeps its data and its next poll."""
    async with started(configuration(simulator, "kept", "removed", key=(key := Key()))) as daemon:
        await daemon.until(lambda: daemon.up("kept") and daemon.up("removed"))
        before = daemon.exporter.status().collectors[0]
        daemon.file.configuration = configuration(simulator, "kept", "added", key=key)
        await daemon.exporter.reload()
        assert before == daemon.exporter.status().collectors[0]
        name = "openrouter_activity_usage_usd"
        assert (True, False) == (daemon.value("openrouter_up", "kept") == 1.0, daemon.up("removed"))
        assert name in daemon.exporter.scrape("", "", ()).body.decode()
        await daemon.until(lambda: daemon.up("added"))
        assert ["kept", "added"] == [collector.account for collector in daemon.exporter.status().collectors]


async def test_account_added_by_a_reload_does_not_revoke_readiness(simulator: Running) -> None:
    """Its first poll hangs, and all other accounts must stay visible."""
    async with started(configuration(simulator)) as daemon:
        await daemon.until(lambda: daemon.exporter.ready() is None)
        simulator.faults.replace(parse_fault("hang"))
        daemon.file.configuration = configuration(simulator, "default", "slow")
        await daemon.exporter.reload()
        assert daemon.exporter.ready() is None


async def test_invalid_file_changes_nothing_and_is_reported_until_a_valid_one(simulator: Running) -> None:
    """The listener is notified of the end of a failed reload too."""
    successful = "openrouter_exporter_config_last_reload_successful"
    async with started(good := configuration(simulator)) as daemon:
        await daemon.until(daemon.up)
        daemon.file.configuration = None
        with pytest.raises(ConfigurationError):
            await daemon.exporter.reload()
        assert ("exporter.yaml:3:1: unknown key",) == daemon.exporter.status().reload_mistakes
        assert (0.0, True) == (daemon.value(successful), daemon.up())
        daemon.file.configuration = good
        await daemon.exporter.reload()
        assert ((), 1.0) == (daemon.exporter.status().reload_mistakes, daemon.value(successful))
        assert ["reloading", "ready"] * 2 == daemon.file.notifications


async def test_account_with_a_mistake_does_not_block_changes_of_others(simulator: Running) -> None:
    """The mistake is logged once, and the metric is 0 until it is corrected."""
    successful = "openrouter_exporter_config_last_reload_successful"
    mistake = Mistake("accounts.d/b.yaml", 3, 1, "unknown key")
    async with started(configuration(simulator)) as daemon:
        await daemon.until(daemon.up)
        with capture_logs() as events:
            for names in (("default", "a"), ("default", "a", "c")):
                daemon.file.configuration = replace(configuration(simulator, *names), mistakes=(mistake,))
                with pytest.raises(AccountsRejected):
                    await daemon.exporter.reload()
        assert [["accounts.d/b.yaml:3:1: unknown key"]] == [
            event["mistakes"] for event in events if event["event"] == "accounts_rejected"
        ]
        assert {"default", "a", "c"} == {one.account for one in daemon.exporter.status().collectors}
        assert ("accounts.d/b.yaml:3:1: unknown key",) == daemon.exporter.status().reload_mistakes
        assert 0.0 == daemon.value(successful)
        daemon.file.configuration = configuration(simulator, "default", "a", "c")
        await daemon.exporter.reload()
        assert ((), 1.0) == (daemon.exporter.status().reload_mistakes, daemon.value(successful))


async def test_daemon_without_accounts_is_ready_and_healthy(simulator: Running) -> None:
    """Accounts may be added later, and other shards may own them all."""
    async with started(Configuration(upstream=Upstream(base_url=simulator.url))) as daemon:
        assert (None, None) == (daemon.exporter.ready(), daemon.exporter.healthy())
        assert 1.0 == daemon.value("openrouter_exporter_config_last_reload_successful")


async def test_scrape_of_an_unknown_account_is_an_error_unless_another_shard_may_have_it(simulator: Running) -> None:
    first = configuration(simulator, "a")
    async with started(first) as daemon:
        assert daemon.exporter.scrape("", "", (), ["a", "b"]).body
        with pytest.raises(UnknownAccount, match='no account is named "b" or "c"'):
            daemon.exporter.scrape("", "", (), ["b", "c"])
    shard = Exporter(first, FakeClock(), shard=Shard(index=0, total=2))
    assert b"" == shard.scrape("", "", (), ["b"]).body
    await shard.close()


async def test_reloads_requested_together_read_the_file_once(simulator: Running) -> None:
    """A reload requested while the file is being read adds one more."""
    async with started(configuration(simulator)) as daemon:
        await asyncio.gather(*(daemon.exporter.reload() for _ in range(5)))
        assert 1 == daemon.file.readings


async def test_reload_with_a_corrected_key_file_polls_at_once(simulator: Running, tmp_path: Path) -> None:
    """The account itself did not change, and its next poll would be minutes away."""
    path = tmp_path / "key"
    path.write_text("sk-or-v1-wrong")
    async with started(configuration(simulator, key=FileSecret(path))) as daemon:
        await daemon.until(lambda: daemon.exporter.ready() is None and not daemon.up())
        path.write_text("sk-or-v1-demo")
        await daemon.exporter.reload()
        await daemon.until(daemon.up)


async def test_stop_cancels_polls_that_wait_for_a_retry(simulator: Running) -> None:
    """They need none of the time that they are given."""
    simulator.faults.replace(parse_fault("status-503"))
    retries = Retries(backoff=Backoff(max_elapsed_time=60.0))
    async with started(configuration(simulator, retries=retries)) as daemon:
        await daemon.until(lambda: daemon.exporter.status().collectors[0].retry is not None)
        async with asyncio.timeout(5):
            await daemon.stop(60.0)


async def test_stop_cancels_polls_after_the_timeout_and_leaves_no_task(simulator: Running) -> None:
    before = asyncio.all_tasks()
    simulator.faults.replace(parse_fault("hang"))
    async with started(configuration(simulator)) as daemon:
        await daemon.until(lambda: bool(simulator.requests))
        await daemon.stop(0.01)
        await daemon.until(lambda: asyncio.all_tasks() <= before)
    assert not daemon.exporter.status().collectors[0].polling


async def test_next_poll_in_the_status_is_the_one_after_retry_after(simulator: Running) -> None:
    """Scheduled polls before that time are skipped."""
    simulator.faults.replace(Fault(FaultKind.STATUS, status=429, retry_after="3600"))
    retries = Retries(backoff=Backoff(max_elapsed_time=60.0))
    async with started(configuration(simulator, retries=retries), FakeClock(datetime.now(UTC))) as daemon:
        await daemon.until(lambda: daemon.exporter.ready() is None)
        collector = daemon.exporter.status().collectors[0]
        assert ("failed", 429) == (collector.polls[-1].outcome, collector.polls[-1].status)
        assert collector.next_poll is not None
        assert timedelta(seconds=3590) < collector.next_poll - daemon.clock.now() < timedelta(seconds=4500)
