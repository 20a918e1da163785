"""The simulated account that is exported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.history.harness import NOW, Export
from tests.support import FakeClock


@pytest.fixture
async def export(tmp_path: Path) -> AsyncIterator[Export]:
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(endpoints=6), clock) as simulator:
        yield Export(simulator, tmp_path, clock)
