"""The command `export --demo`: the past days of the demo's accounts, for a Prometheus that scrapes the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from exporter.clock import SystemClock
from exporter.commands.demo import demo_with_budget
from exporter.commands.export import run_until_signal, write_history
from exporter.history.account_source import ACTIVITY_REACH
from exporter.options import Options
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings


def export_demo(options: Options) -> None:
    """Write the file, until a signal. Raises ExporterError."""
    run_until_signal(options, _write(options))


async def _write(options: Options) -> Sequence[str]:
    clock = SystemClock()
    async with running(SimulatorSettings(), clock) as simulator:
        first = options.first_day or clock.now().astimezone(UTC).date() - ACTIVITY_REACH
        return await write_history(replace(options, first_day=first), demo_with_budget(simulator.url, clock), clock)
