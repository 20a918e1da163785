"""Every dashboard is legible as it is drawn: with a month of data, with the demo of a moment, and without any data."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.dashboards.boards import BOARDS
from tests.drawing.browser import Drawing
from tests.drawing.conftest import Draw
from tests.drawing.faults import FAULTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

by_dashboard = pytest.mark.parametrize("name", BOARDS)


@by_dashboard
@pytest.mark.parametrize(("width", "theme"), [(1600, "dark"), (1150, "light")])
async def test_dashboard_is_legible(name: str, width: int, theme: str, draw: Draw, servers: dict[str, str]) -> None:
    """With a month of data, on a wide and on a narrow page, rows unfolded."""
    assert [] == await draw(Drawing(name, servers["history"], width, theme))


@by_dashboard
async def test_dashboard_without_data_is_legible(name: str, draw: Draw, servers: dict[str, str]) -> None:
    """On a Prometheus that knows no exporter."""
    assert [] == await draw(Drawing(name, servers["empty"]))


@by_dashboard
async def test_dashboard_of_the_demo_is_legible(name: str, draw: Draw, servers: dict[str, str]) -> None:
    """As someone sees it who has just started `make demo`; one account has a key that is rejected."""
    assert [] == await draw(Drawing(name, servers["demo"], unfolded=False))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def found(draw: Draw, servers: dict[str, str]) -> list[str]:
    """Return the findings of the dashboard with faults."""
    return await draw(Drawing("faulty", servers["history"]))


@pytest.mark.parametrize("fault", FAULTS)
async def test_fault_is_detected(fault: str, found: list[str]) -> None:
    """In the one panel that was spoiled in this way."""
    assert any(FAULTS[fault].finding in each for each in found), found
