"""Draw the dashboards and the landing page as README and docs show them, light and dark.

    python -m docs.pictures.screenshots

`make pictures` runs it after `make test-drawing` has installed what draws. The data are the demo's, up to now.
"""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser

from docs.pictures.demo_days import demo_days
from tests.dashboards.boards import BOARDS
from tests.drawing.browser import Drawing, chromium, draw, open_page
from tests.drawing.website import website
from tests.servers.history import LOOK_BACK
from tests.servers.programs import free_port, started
from tests.servers.prometheus import prometheus
from tests.servers.shipped import RULES

FOLDER = Path(__file__).parents[1] / "screenshots"
DAYS = 32
WIDTH = 1440
HEIGHT = 1100  # of the upper part of a dashboard, which is longer
PAGE_WIDTH = 1100
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = 256
ACCOUNT = "demo"


async def draw_dashboards(browser: Browser, site: str, url: str) -> None:
    """Write the upper part of each dashboard in each theme."""
    for name in BOARDS:
        for theme in THEMES:
            drawing = Drawing(name, url, WIDTH, theme, unfolded=False, variables=(("account", ACCOUNT),))
            async with open_page(browser, WIDTH) as (page, errors):
                await draw(page, site, drawing)
                await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
                write(f"{name}-{theme}", await page.screenshot())
                if errors:
                    sys.exit(f"{name}: {errors}")


async def draw_landing_page(browser: Browser, url: str) -> None:
    """Write the landing page of a running exporter in each theme."""
    for theme in THEMES:
        async with open_page(browser, PAGE_WIDTH, color_scheme=theme) as (page, _):
            await page.goto(url)
            write(f"landing-page-{theme}", await page.screenshot())


def write(name: str, picture: bytes) -> None:
    """Write a picture with few colours, a third as large."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


async def main() -> None:
    """Draw what a demo shows that has run for a month."""
    target = f"127.0.0.1:{free_port()}"
    demo = ("-m", "exporter", "demo", f"--web.listen-address={target}")
    async with (
        demo_days(DAYS) as (program, folder),
        started(f"http://{target}/-/ready", folder / "demo.log", sys.executable, *demo),
        prometheus(program, target, folder, rules=RULES, options=[LOOK_BACK], every="5s") as server,
        website(BOARDS) as site,
        chromium() as browser,
    ):
        await server.until("sum_over_time(up[1m]) > 2", bool)
        # Rules wait for their first evaluation, some for a second one: those by team, of what others recorded.
        await server.until("account_team:openrouter_spend_month_usd:sum", bool)
        await draw_dashboards(browser, site, server.url)
        await draw_landing_page(browser, f"http://{target}/")


if __name__ == "__main__":
    asyncio.run(main())
