"""The browser, the page that draws, and Prometheus with a month of data, with the demo of a moment, and without any."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.dashboards.boards import BOARDS
from tests.drawing.browser import Drawing, chromium, findings, read
from tests.drawing.faults import faulty
from tests.drawing.website import MODULES, website
from tests.servers.history import write_blocks
from tests.servers.programs import free_port, installed_prometheus, required, started
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.shipped import hastened

DAYS = 34  # more than the longest window, time range and month
STEP = timedelta(hours=3)  # a sample in three hours is a line to Prometheus, if it looks back that far
EVERY = "5s"  # a scrape that a busy machine does not serve in this time would end all series
# Prometheus deletes blocks that are older than 15 days by default.
HISTORY = ("--query.lookback-delta=185m", "--storage.tsdb.retention.time=1y")
Draw = Callable[[Drawing], Awaitable[list[str]]]
Read = Callable[[Drawing, str], Awaitable[list[Any]]]
FIRING = 'ALERTS{alertname="OpenRouterBudgetNearlySpent", alertstate="firing"}'
NOTHING = "127.0.0.1:1"  # a target that does not exist


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return one browser for all tests."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[str]:
    """Yield the URL of the page that draws the committed dashboards and `faulty`."""
    async with website(BOARDS | {"faulty": faulty()}) as url:
        yield url


@pytest.fixture(scope="session")
def draw(browser: Browser, site: str) -> Draw:
    """Return a function that draws a dashboard and returns its problems."""
    return partial(findings, browser, site)


@pytest.fixture(scope="session", name="read")
def _read(browser: Browser, site: str) -> Read:
    """Return a function that draws a dashboard and returns its `annotations` or its `links`."""
    return partial(read, browser, site)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """Return the URLs of three Prometheus servers: `history`, `demo` and `empty`."""
    program = required(installed_prometheus(2), "Prometheus 2")
    target = f"127.0.0.1:{free_port()}"
    demo = ("-m", "exporter", "demo", f"--web.listen-address={target}")
    folders = {name: tmp_path_factory.mktemp(name) for name in ("history", "demo", "empty")}
    await write_blocks(folders["history"] / "data", DAYS, step=STEP)
    async with AsyncExitStack() as stack:
        log = folders["demo"] / "demo.log"
        await stack.enter_async_context(started(f"http://{target}/-/ready", log, sys.executable, *demo))
        running: dict[str, Prometheus] = {}
        for name, folder in folders.items():
            scraped = NOTHING if name == "empty" else target
            rules = hastened(folder, EVERY) if name == "history" else []
            options = HISTORY if name == "history" else ()
            server = prometheus(program, scraped, folder, rules=rules, options=options, every=EVERY)
            running[name] = await stack.enter_async_context(server)
        for name in ("history", "demo"):
            await running[name].until("sum_over_time(up[1m]) > 2", bool)
        await running["history"].until(FIRING, bool)
        yield {name: server.url for name, server in running.items()}


@pytest.fixture(scope="session", autouse=True)
def _bundle() -> None:
    """Fail early if a program or file is missing, because creating the data takes minutes."""
    required("node" if (MODULES / "bundle/page.js").is_file() and shutil.which("node") else None, "the bundle")
