"""The simulated API on a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from exporter.simulator.application import Running, running
from exporter.simulator.service import SimulatorSettings
from tests.support import FakeClock


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return the simulated API of a small account, at noon."""
    async with running(SimulatorSettings(endpoints=5), FakeClock()) as server:
        yield server
