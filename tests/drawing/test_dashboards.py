"""Every dashboard is legible when drawn: with a month of data, with a demo just started, and without data."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import pytest_asyncio

from tests.dashboards.boards import BOARDS, panels
from tests.drawing.browser import Drawing
from tests.drawing.conftest import Draw, Read
from tests.drawing.faults import FAULTS
from tests.drawing.rightly_empty import EMPTY_AT_FIRST, RIGHTLY_EMPTY

pytestmark = pytest.mark.asyncio(loop_scope="session")

by_dashboard = pytest.mark.parametrize("name", BOARDS)


@by_dashboard
@pytest.mark.parametrize(("width", "theme"), [(1600, "dark"), (1150, "light")])
async def test_dashboard_is_legible(name: str, width: int, theme: str, draw: Draw, servers: dict[str, str]) -> None:
    """A month of data is drawn on a wide and a narrow page with rows expanded, and every panel that can have data has
    some.
    """
    result = await draw(Drawing(name, servers["history"], width, theme, complete=True))
    assert _without_data(name, RIGHTLY_EMPTY) == sorted(set(result) - set(_without_data(name, EMPTY_AT_FIRST)))


def _without_data(dashboard: str, named: Iterable[str]) -> list[str]:
    """Return the findings about panels of a dashboard that are named as empty."""
    panels_of = (title for name, title in map(_parts, named) if name == dashboard)
    return sorted(f"{title}: has no data" for title in panels_of)


def _parts(name: str) -> list[str]:
    return name.split(": ", 1)


@by_dashboard
async def test_dashboard_without_data_is_legible(name: str, draw: Draw, servers: dict[str, str]) -> None:
    """No exporter has been scraped."""
    assert [] == await draw(Drawing(name, servers["empty"]))


@by_dashboard
async def test_dashboard_of_the_demo_is_legible(name: str, draw: Draw, servers: dict[str, str]) -> None:
    """`make demo` has just been started, and one account has a key that is rejected."""
    assert [] == await draw(Drawing(name, servers["demo"], unfolded=False))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def findings(draw: Draw, servers: dict[str, str]) -> list[str]:
    """Return the findings of the dashboard with faults."""
    return await draw(Drawing("faulty", servers["history"], complete=True))


@pytest.mark.parametrize("fault", FAULTS)
async def test_fault_is_detected(fault: str, findings: list[str]) -> None:
    """Only the panel with this fault is reported."""
    assert any(FAULTS[fault].finding in finding for finding in findings), findings


async def test_panels_that_may_be_empty_exist() -> None:
    """Renamed and removed panels must leave the lists."""
    titles = {name: {panel["title"] for panel in panels(board)} for name, board in BOARDS.items()}
    assert [] == [name for name in (*RIGHTLY_EMPTY, *EMPTY_AT_FIRST) if _parts(name)[1] not in titles[_parts(name)[0]]]


async def test_firing_alerts_are_marked(read: Read, servers: dict[str, str]) -> None:
    """Over a day they are queried for every minute, over a month perhaps last before these servers were started."""
    day = Drawing("endpoint", servers["history"], since="now-1d", until="now+5m")
    assert "Alerts: OpenRouterBudgetNearlySpent: demo-budget" in await read(day, "annotations")


async def test_credit_purchases_are_marked_over_a_month(read: Read, servers: dict[str, str]) -> None:
    marks = await read(Drawing("endpoint", servers["history"]), "annotations")
    assert "Credit purchases: Credit bought: demo" in marks


async def test_names_link_to_their_details(read: Read, servers: dict[str, str]) -> None:
    """The link has the account of the row or the selected ones, and the encoded name."""
    links = await read(Drawing("overview", servers["history"], variables=(("account", "demo"),)), "links")
    urls = dict(links)
    carried = "var-datasource=openrouter-prometheus&var-account=demo&var-window=activity"
    model = f"/d/openrouter-endpoint?var-model=openai%2Fgpt-5&{carried}"
    assert urls["openai/gpt-5"].startswith(model)
    assert urls["Google Vertex"].startswith("/d/openrouter-endpoint?var-provider=Google%20Vertex&")
    assert urls["production"].startswith(f"/d/openrouter-budget?var-key=production&{carried}")
    assert urls["Customers"].startswith(f"/d/openrouter-budget?var-workspace=Customers&{carried}")
    assert urls["search"].startswith(f"/d/openrouter-spenders?{carried}")
    assert urls["demo"].startswith("/d/openrouter-overview?var-account=demo&")
