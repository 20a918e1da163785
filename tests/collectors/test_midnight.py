"""Polls around midnight: the clock moves over midnights, days arrive late, and windows come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
import structlog

from exporter.api.client import Client
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.api.session import open_session
from exporter.collectors.activity.activity_collector import OPERATION, ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.base import Poll
from exporter.config.configuration import Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.simulator.application import Running, running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount
from tests.collectors.helpers import Shown, at, shown
from tests.collectors.model import Expected, Model
from tests.support import FakeClock

ALL = {"", "7d", "30d", "month_to_date"}


@dataclass
class Rig:
    """A collector, a client of a simulator on the same clock, and the model of what must be published."""

    clock: FakeClock
    simulator: Running
    client: Client
    collector: ActivityCollector
    model: Model = field(default_factory=Model)
    memory: object = None
    shown: Shown = field(default_factory=dict)

    async def poll(self, moment: str, *, late: bool = False, local: datetime | None = None) -> Expected:
        """Poll at a moment and compare all usage with the model. `late` holds back yesterday's rows."""
        self.clock.set(at(moment))
        self.simulator.faults.replace(*([parse_fault("late-day")] if late else []))
        instant = local or self.clock.now()
        poll = Poll(instant=instant, deadline=self.clock.monotonic() + 300, client=self.client, clock=self.clock)
        collected = await self.collector.collect(poll, self.memory)
        self.memory = collected.memory
        if collected.snapshot is not None:
            self.shown = shown(collected.snapshot)
        first = 2 if late else 1
        days = [self.clock.now().date() - timedelta(days=back) for back in range(first, 31)]
        rows = [(day, use.endpoint_id, Fraction(str(use.usage))) for day in days for use in ACCOUNT.rows_of_day(day)]
        expected = self.model.poll(instant, self.clock.now(), rows)
        assert self.day == expected.day
        assert self.windows == expected.windows.keys()
        for name, uses in expected.windows.items():
            family = self.shown[f"{name}_usage_usd" if name else "usage_usd"]
            values = {labels[2]: value for labels, value in family.items()}
            assert values == pytest.approx({key: float(usage) for key, usage in uses.items()}, rel=1e-12, abs=0)
        return expected

    @property
    def day(self) -> date:
        """Return the day of the timestamp gauge."""
        return datetime.fromtimestamp(self.shown["day_timestamp_seconds"][()], tz=self.clock.now().tzinfo).date()

    @property
    def windows(self) -> set[str]:
        """Return the windows that have series."""
        names = {name.removesuffix("usage_usd").removesuffix("byok_") for name in self.shown if "usage_usd" in name}
        return {name.removesuffix("_") for name in names}


ACCOUNT = SimulatedAccount(1)


@asynccontextmanager
async def rig(start: str) -> AsyncIterator[Rig]:
    clock, metrics_registry = FakeClock(at(start)), MetricsRegistry()
    async with running(SimulatorSettings(), clock) as simulator:
        upstream = Upstream(base_url=simulator.url, retries=Retries(strategy="none"))
        async with open_session(upstream) as session:
            client = Client(
                session=session,
                upstream=upstream,
                key=EnvironmentSecret("KEY", {"KEY": "sk-or-v1-demo"}),
                clock=clock,
                metrics=ApiMetrics(metrics_registry, "default", (OPERATION,)),
                duration=RequestDuration(metrics_registry, (OPERATION,)),
                log=structlog.stdlib.get_logger(),
            )
            yield Rig(clock, simulator, client, ActivityCollector("default", ActivitySettings()))


async def test_day_windows_and_values_over_two_midnights_at_the_end_of_a_month() -> None:
    """The month has 31 days, and one day arrives late."""
    async with rig("2026-08-30 12:00:00") as daemon:
        for moment, late, day in (
            ("2026-08-30 12:00:00", False, date(2026, 8, 29)),
            ("2026-08-30 23:59:59", False, date(2026, 8, 29)),
            ("2026-08-31 00:00:00", False, date(2026, 8, 29)),  # not settled; 30d needs a day that left the window
            ("2026-08-31 00:29:59", False, date(2026, 8, 29)),
            ("2026-08-31 00:30:00", False, date(2026, 8, 30)),
            ("2026-08-31 23:45:00", False, date(2026, 8, 30)),
            ("2026-09-01 00:00:00", True, date(2026, 8, 30)),
            ("2026-09-01 00:45:00", True, date(2026, 8, 30)),  # settled, but yesterday has no row yet
            ("2026-09-01 02:59:59", True, date(2026, 8, 30)),
            ("2026-09-01 02:59:59.5", False, date(2026, 8, 31)),  # it came at last
            ("2026-09-01 23:45:00", False, date(2026, 8, 31)),
            ("2026-09-02 00:15:00", False, date(2026, 8, 31)),  # the month of 31 days from two polls ago
            ("2026-09-02 00:30:00", False, date(2026, 9, 1)),
        ):
            expected = await daemon.poll(moment, late=late)
            assert (moment, expected.day, set(expected.windows)) == (moment, day, ALL)


async def test_empty_day_is_published_as_0_after_empty_day_after() -> None:
    """That is three hours after midnight, and not before."""
    async with rig("2026-08-22 12:00:00") as daemon:
        await daemon.poll("2026-08-22 12:00:00")
        await daemon.poll("2026-08-23 02:59:59", late=True)
        assert any(daemon.shown["usage_usd"].values())
        await daemon.poll("2026-08-23 03:00:00", late=True)
        assert daemon.day == date(2026, 8, 22)
        assert set(daemon.shown["usage_usd"].values()) == {0.0}


@pytest.mark.parametrize(
    ("moment", "day", "windows"),
    [
        ("2026-08-23 12:00:00", date(2026, 8, 22), ALL),
        ("2026-08-23 00:10:00", date(2026, 8, 21), ALL - {"30d"}),  # the API no longer returns the oldest day
        ("2026-09-01 12:00:00", date(2026, 8, 31), ALL - {"month_to_date"}),  # 31 days
        ("2026-09-02 00:10:00", date(2026, 8, 31), ALL - {"30d", "month_to_date"}),
        ("2026-10-01 12:00:00", date(2026, 9, 30), ALL),  # 30 days
        ("2026-03-01 00:10:00", date(2026, 2, 27), ALL - {"30d"}),
        ("2028-03-01 12:00:00", date(2028, 2, 29), ALL),
    ],
)
async def test_first_poll_leaves_out_windows_that_it_does_not_cover(moment: str, day: date, windows: set[str]) -> None:
    """A window with a missing day would be too small."""
    async with rig(moment) as daemon:
        expected = await daemon.poll(moment)
        assert (expected.day, set(expected.windows)) == (day, windows)


async def test_poll_that_spans_midnight_uses_the_time_of_its_start() -> None:
    async with rig("2026-08-22 12:00:00") as daemon:
        await daemon.poll("2026-08-22 12:00:00")
        await daemon.poll("2026-08-23 00:00:01", local=at("2026-08-22 23:59:59"))
        assert (daemon.day, daemon.windows) == (date(2026, 8, 21), ALL)


async def test_poll_after_a_sleep_of_three_days_covers_every_window() -> None:
    async with rig("2026-08-20 12:00:00") as daemon:
        await daemon.poll("2026-08-20 12:00:00")
        await daemon.poll("2026-08-23 12:00:00")
        assert (daemon.day, daemon.windows) == (date(2026, 8, 22), ALL)


@pytest.mark.parametrize("days", [-3, -1, 1, 3])
async def test_wrong_local_clock_publishes_no_wrong_window(days: int) -> None:
    """Values are right or absent at each step, also when the clock is corrected."""
    async with rig("2026-08-23 12:00:00") as daemon:
        await daemon.poll("2026-08-23 12:00:00")
        await daemon.poll("2026-08-23 12:15:00", local=at("2026-08-23 12:15:00") + timedelta(days=days))
        assert daemon.day == date(2026, 8, 22) + timedelta(days=min(days, 0))
        await daemon.poll("2026-08-23 12:30:00")
        assert (daemon.day, daemon.windows) == (date(2026, 8, 22), ALL)


async def test_windows_return_when_the_clock_is_corrected() -> None:
    """The response does not need to change."""
    async with rig("2026-08-23 12:00:00") as daemon:
        await daemon.poll("2026-08-23 12:00:00", local=at("2026-08-27 12:00:00"))
        assert daemon.windows == {"", "7d", "month_to_date"}
        await daemon.poll("2026-08-23 12:15:00")
        assert daemon.windows == ALL
