"""The exporter's own pages are legible: narrow and wide, light and dark, with few and with many accounts."""

from __future__ import annotations

import os
from typing import Literal

import pytest
from playwright.async_api import Browser

from exporter.status import CREDIT_LEFT, SPENT_TODAY, CollectorStatus, Status, Top, TopEntry
from exporter.web.page.landing import account_page, landing_page
from exporter.web.web_settings import WebSettings
from tests.drawing.browser import open_page
from tests.drawing.website import MODULES
from tests.web.samples import collector, failing, incomplete, retrying, spend, status, waiting
from tests.web.test_overview import budget, budgets

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "an-account-of-a-team-with-a-long-name-in-europe-west"
MODEL = "nousresearch/hermes-3-llama-3.1-405b-instruct-extended:free"
ERROR = "HTTP 503: " + "upstream connect error or disconnect/reset before headers " * 4
STALE = {"expires": None, "series": 0}


def _tops() -> tuple[Top, ...]:
    entries = (TopEntry(MODEL, 81.5, 0.6), TopEntry("openai/gpt-5", 40.25, 0.3), TopEntry("", 0.001, 0.0))
    kinds: tuple[Literal["model", "key"], ...] = ("model", "key")
    return tuple(Top(of=of, period="30d", total_usd=135.0, entries=entries) for of in kinds)


def _account(name: str, state: int = 0) -> list[CollectorStatus]:
    """Return the collectors of an account that is healthy or in one of the other states."""
    activity = (
        collector(name, spend=spend(*[12.0 * (day % 7) + 3 for day in range(30)]), tops=_tops()),
        failing(name, ERROR, advice="Use a management key: see docs/install.md."),
        failing(name, ERROR, **STALE),
        retrying(name),
        waiting(name),
        incomplete(name),
    )[state]
    figures = ((CREDIT_LEFT, 1234567.89), (SPENT_TODAY, 0.00042))
    shown = [
        budget("month", 40.0),
        budget("a budget with a long name for the research workspace", 250.0),
        budget("x", 85.0),
    ]
    return [activity, collector(name, collector="credits", figures=figures), budgets(*shown, account=name)]


def _accounts(count: int) -> Status:
    names = [LONG if number == 1 else f"team-{number}" for number in range(count)]
    return status(*[shown for number, name in enumerate(names) for shown in _account(name, number % 6)])


PAGES: dict[str, str | None] = {
    "empty": landing_page(status(), WebSettings()),
    "reload-failed": landing_page(status(collector(), reload_mistakes=(ERROR, "line 3")), WebSettings()),
    **{
        name: landing_page(status(*_account("default", number)), WebSettings())
        for number, name in enumerate(("healthy", "failing", "stale", "retrying", "waiting", "incomplete"))
    },
    "30-accounts": landing_page(_accounts(30), WebSettings()),
    "500-accounts": landing_page(_accounts(500), WebSettings()),
    "account": account_page(_accounts(30), LONG, WebSettings(), 0),
}
FAULTS = {
    "too wide": "<p style='width: 5000px'>wide</p>",
    "cut": "<p style='width: 20px; overflow: hidden; white-space: nowrap'>a text that is cut</p>",
    "contrast": "<p style='color: #999; background: #fff'>pale</p>",
    "pixels high": "<p style='font-size: 8px'>small</p>",
    "at its side": "<div style='overflow-x: auto'><p style='width: 5000px'>what one would have to scroll to</p></div>",
}


async def illegible(
    browser: Browser, content: str, name: str, width: int, theme: Literal["light", "dark"]
) -> list[str]:
    """Return the problems of a drawn page."""
    async with open_page(browser, width, color_scheme=theme) as (page, errors):
        await page.set_content(content)
        await page.add_script_tag(path=MODULES / "bundle/legibility.js")
        await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        if folder := os.environ.get("DRAWING_PICTURES"):
            await page.screenshot(path=f"{folder}/page-{name}-{width}-{theme}.png", full_page=True)
        result: list[str] = await page.evaluate("window.illegible()")
        return [*errors, *result]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 800, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_page_is_legible(name: str, width: int, theme: Literal["light", "dark"], browser: Browser) -> None:
    """No text is cut off or small, nothing is wider than the window, and contrasts satisfy WCAG AA."""
    assert [] == await illegible(browser, PAGES[name] or "", name, width, theme)


@pytest.mark.parametrize("fault", FAULTS)
async def test_illegible_page_is_detected(fault: str, browser: Browser) -> None:
    """It shows that the test above can fail."""
    result = await illegible(browser, f"<!doctype html>{FAULTS[fault]}", "fault", 800, "light")
    assert any(fault in finding for finding in result), result
