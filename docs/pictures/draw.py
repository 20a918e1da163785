"""Draw the pictures of docs/queries.md: each shows the query above it, with the data of a real Prometheus.

    python -m docs.pictures.draw

Prometheus and promtool must be installed. The 30 days are the demo's, up to a day that is always the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from docs.pictures.demo_days import demo_days
from tests.servers.history import LOOK_BACK
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.shipped import rules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "queries.md"
DAYS = 30
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOWN = 8  # lines or colours; the rest is one
COLOURS = ("#2f6db5", "#e07b39", "#3a9a6d", "#b8475a", "#7d5fb2", "#c9a227", "#4aa3b8", "#8c6d52", "#b9bec4")

_FIGURE = re.compile(r"```promql\n((?:(?!```).)*)```\n\n!\[(.+?)\]\(pictures/([\w-]+)\.png\)", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """A query of the page, and the picture below it."""

    name: str
    title: str
    query: str


def pictures(page: str) -> list[Picture]:
    """Return the page's pictures."""
    return [Picture(name, title, expanded(query)) for query, title, name in _FIGURE.findall(page)]


def expanded(query: str) -> str:
    """Return a query with rules' expressions instead of their records: past days have no recorded series."""
    recorded = {rule.name: rule.expression for rule in rules() if not rule.alerts}
    names = "|".join(sorted(map(re.escape, recorded), key=len, reverse=True))
    while (longer := re.sub(names, lambda match: f"({recorded[match[0]]})", query)) != query:
        query = longer
    return query


Days = dict[str, list[float]]


async def by_day(server: Prometheus, query: str) -> tuple[list[datetime], Days]:
    """Return the days that the query's gauges describe, and the values of each series, the largest first."""
    start = END - timedelta(days=DAYS - 1)
    data = await server.get(
        "query_range", query=query, start=str(start.timestamp()), end=str(END.timestamp()), step="86400"
    )
    instants = [start + timedelta(days=number) for number in range(DAYS)]
    amounts: Days = {}
    for series in data["result"]:
        values = {float(at): float(text) for at, text in series["values"]}
        amounts[_name(series["metric"])] = [values.get(instant.timestamp(), 0.0) for instant in instants]
    largest = sorted(amounts, key=lambda name: -sum(amounts[name]))
    shown = {name: amounts[name] for name in largest[:SHOWN]}
    if rest := largest[SHOWN:]:
        shown[f"{len(rest)} more"] = [sum(values) for values in zip(*(amounts[name] for name in rest), strict=True)]
    return [day.replace(hour=0) - timedelta(days=1) for day in instants], shown


async def bars_by_day(server: Prometheus, picture: Picture, axes: Axes) -> None:
    """Draw a bar for each day, in the colours of the series."""
    days, series = await by_day(server, picture.query)
    below = [0.0] * len(days)
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        axes.bar(range(len(days)), values, bottom=below, color=colour, label=name, width=0.85)
        below = [low + value for low, value in zip(below, values, strict=True)]
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False, reverse=True)
    _name_mondays(axes, days)
    axes.set_ylabel("US dollars a day")


async def line_by_day(server: Prometheus, picture: Picture, axes: Axes) -> None:
    """Draw a line for each series."""
    days, series = await by_day(server, picture.query)
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        axes.plot(range(len(days)), values, color=colour, label=name, linewidth=2, marker=".")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", frameon=False)
    _name_mondays(axes, days)
    axes.set_ylabel("US dollars a month")


async def bars(server: Prometheus, picture: Picture, axes: Axes) -> None:
    """Draw a bar for each series as it is at the end, the largest on top."""
    samples = await server.vector(picture.query, time=str(END.timestamp()))
    largest = sorted((sample.value, _name(sample.labels)) for sample in samples)[-2 * SHOWN :]
    drawn = axes.barh([name for _, name in largest], [value for value, _ in largest], color=COLOURS[0], height=0.7)
    axes.bar_label(drawn, fmt="%.2f", padding=3)
    axes.margins(x=0.1, y=0.02)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("US dollars")


KINDS = {
    "spend-by-model": bars_by_day,
    "top-endpoints": bars,
    "month-projected": line_by_day,
    "price-per-million-tokens": bars,
}


def _name(labels: Mapping[str, str]) -> str:
    """Name a series by what tells it from others, in words that fit beside a graph."""
    named = [labels[label] for label in ("model", "provider") if label in labels]
    return "  ·  ".join(named) or f"account {labels['account']}"


def _name_mondays(axes: Axes, days: list[datetime]) -> None:
    mondays = [number for number, day in enumerate(days) if day.weekday() == 0]
    axes.set_xticks(mondays, labels=[f"Mon {days[number]:%-d %b}" for number in mondays])
    axes.margins(x=0.01)


async def draw(server: Prometheus, picture: Picture) -> None:
    """Write one picture."""
    from matplotlib.figure import Figure  # noqa: PLC0415 — tests import this module for its list of pictures

    figure = Figure(figsize=(10, 4.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(picture.title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(color="#e6e8eb")
    await KINDS[picture.name](server, picture, axes)
    # No version and no date in the file: the same data give the same bytes.
    figure.savefig(FOLDER / f"{picture.name}.png", metadata={"Software": None})


async def main() -> None:
    """Draw every picture of the page."""
    options = [LOOK_BACK, "--storage.tsdb.retention.time=100y"]
    async with (
        demo_days(DAYS, END) as (program, folder),
        prometheus(program, "127.0.0.1:1", folder, options=options) as server,
    ):
        for picture in pictures(PAGE.read_text(encoding="utf-8")):
            await draw(server, picture)


if __name__ == "__main__":
    asyncio.run(main())
