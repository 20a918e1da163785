"""The command `export --demo`: the past days of the demo's accounts, for a Prometheus that scrapes the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from exporter.clock import SystemClock
from exporter.commands.demo import account_with_budget, demo_configuration
from exporter.commands.export import write_history
from exporter.history.account_source import ACTIVITY_REACH
from exporter.options import Options
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings


async def write_demo_history(options: Options) -> Sequence[str]:
    """Write the file as `write_history` does, of accounts on a simulator."""
    clock = SystemClock()
    async with running(SimulatorSettings(), clock) as simulator:
        first = options.first_day or clock.now().astimezone(UTC).date() - ACTIVITY_REACH
        configuration = demo_configuration(simulator.url, account_with_budget(clock))
        return await write_history(replace(options, first_day=first), configuration, clock)
