"""Exports of simulated accounts, and OpenMetrics files as plain dictionaries."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.collectors import registry
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.commands.export import write_history
from exporter.config.allocation_settings import Allocations
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.options import Options
from exporter.simulator.application import Running
from tests.support import FakeClock

NOW = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
TODAY = NOW.date()
KEY = "sk-or-v1-demo"

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Series = tuple[str, frozenset[tuple[str, str]]]
Samples = dict[Series, dict[int, float]]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def at(text: str) -> int:
    """Return a time in UTC as Unix time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def account(name: str = "default", key: str = KEY, **activity: Any) -> Account:
    return Account(
        name=name,
        key=EnvironmentSecret("KEY", {"KEY": key}),
        collectors=registry.only(ActivitySettings(**activity)),
    )


@dataclass
class Export:
    """Runs the command in this process, against a simulator."""

    simulator: Running
    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW, self_moving=True))
    accounts: Sequence[Account] = field(default_factory=lambda: (account(),))
    allocations: Allocations = field(default_factory=Allocations)
    notes: Sequence[str] = ()

    @property
    def file(self) -> Path:
        return self.folder / "history.txt"

    async def run(self, **options: Any) -> bytes:
        """Export to a file with a sample an hour, and return what is in it."""
        chosen: dict[str, Any] = {"output": str(self.file), "step": 3600.0} | options
        settings = Options(command="export", **chosen)
        upstream = Upstream(
            base_url=self.simulator.url,
            timeout=5.0,
            retries=Retries(backoff=Backoff(max_elapsed_time=5.0)),
        )
        configuration = Configuration(upstream=upstream, accounts=tuple(self.accounts), allocations=self.allocations)
        self.notes = await write_history(settings, configuration, self.clock)
        return await asyncio.to_thread(Path(settings.output).read_bytes)

    async def samples(self, **options: Any) -> Samples:
        """Export, and return the samples of the file."""
        return samples((await self.run(**options)).decode())


def samples(text: str) -> Samples:
    """Parse the samples of an OpenMetrics file. test_file_is_strict_openmetrics shows that it is valid."""
    read: Samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            series, value, instant = line.rsplit(" ", 2)
            read.setdefault(_series(series), {})[int(instant)] = float(value)
    return read


@cache
def _series(text: str) -> Series:
    name, _, labels = text.partition("{")
    return name, frozenset(_LABEL.findall(labels))


def of_name(read: Samples, name: str) -> dict[int, float]:
    """Return the sums over all series of a family by time."""
    sums: dict[int, float] = {}
    for (family, _), values in read.items():
        if family == name:
            for instant, value in values.items():
                sums[instant] = sums.get(instant, 0.0) + value
    return sums


def names(read: Samples) -> set[str]:
    return {name for name, _ in read}


def samples_of_scrape(text: str) -> dict[Series, float]:
    """Return the samples of a scrape."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # as above
        for sample in family.samples
    }
