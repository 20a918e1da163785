"""A headless browser, and dashboards drawn in it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import TimeoutError as NotInTime

from tests.servers.programs import required

PATIENCE = 120_000  # milliseconds: a month of days takes Prometheus a second, and more on a busy machine
SETTLING = 400  # milliseconds from the last response to the last frame
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


@dataclass(frozen=True)
class Drawing:
    """How a dashboard is drawn."""

    dashboard: str
    prometheus: str
    width: int = 1600
    theme: str = "dark"
    unfolded: bool = True
    complete: bool = False  # whether a panel without data is a fault
    since: str = ""  # the start of the time range, if it is not the dashboard's
    until: str = ""  # its end
    variables: tuple[tuple[str, str], ...] = ()

    def url(self, website: str) -> str:
        """Return the address of its page."""
        parameters = {
            "dashboard": self.dashboard,
            "prometheus": self.prometheus,
            "width": str(self.width),
            "theme": self.theme,
            **({"from": self.since} if self.since else {}),
            **({"to": self.until} if self.until else {}),
            **({"unfolded": ""} if self.unfolded else {}),
            **({"complete": ""} if self.complete else {}),
            **{f"var-{name}": value for name, value in self.variables},
        }
        return f"{website}/?{urlencode(parameters)}"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run the machine's browser while the context lasts."""
    program = required(shutil.which("chromium") or shutil.which("google-chrome"), "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(browser: Browser, width: int, **options: Any) -> AsyncIterator[tuple[Page, list[str]]]:
    """Yield a page and the growing list of its JavaScript errors."""
    page = await browser.new_page(viewport={"width": width, "height": 900}, **options)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"JavaScript: {error}"))
    page.on(
        "console",
        lambda message: (
            errors.append(f"console: {message.text} {message.location.get('url')}") if message.type == "error" else None
        ),
    )
    try:
        yield page, errors
    finally:
        await page.close()


async def draw(page: Page, website: str, drawing: Drawing) -> None:
    """Open the page of a dashboard, and wait until all its panels have data or a timeout passes."""
    await page.goto(drawing.url(website))
    with contextlib.suppress(NotInTime):
        await page.wait_for_function("window.drawing?.isDrawn()", timeout=PATIENCE)
    height = await page.evaluate("document.getElementById('dashboard').offsetHeight")
    await page.set_viewport_size({"width": drawing.width, "height": height})
    await page.wait_for_timeout(SETTLING)
    with contextlib.suppress(NotInTime):
        await page.wait_for_function("window.drawing.isDrawn()", timeout=PATIENCE)


async def findings(browser: Browser, website: str, drawing: Drawing) -> list[str]:
    """Return the problems of a drawn dashboard."""
    async with _drawn(browser, website, drawing) as (page, errors):
        return [*errors, *await page.evaluate("window.drawing.findings()")]


async def read(browser: Browser, website: str, drawing: Drawing, what: str) -> list[Any]:
    """Return the `annotations` or the `links` of a drawn dashboard, as soon as it has any; none after a timeout.

    A graph that is drawn again has no annotations for a moment.
    """
    async with _drawn(browser, website, drawing) as (page, errors):
        result: list[Any] = []
        with contextlib.suppress(NotInTime):
            some = await page.wait_for_function(
                f"(() => {{ const all = window.drawing.{what}(); return all.length && all; }})()", timeout=PATIENCE
            )
            result = await some.json_value()
        assert [] == errors
        return result


@asynccontextmanager
async def _drawn(browser: Browser, website: str, drawing: Drawing) -> AsyncIterator[tuple[Page, list[str]]]:
    """Draw a dashboard, and yield its page and the JavaScript errors."""
    async with open_page(browser, drawing.width) as (page, errors):
        await draw(page, website, drawing)
        if folder := os.environ.get("DRAWING_PICTURES"):
            await page.screenshot(path=f"{folder}/{drawing.dashboard}-{drawing.width}-{drawing.theme}.png")
        yield page, errors
