"""Spend per day as a small bar chart: inline SVG, no script.

The drawing is stretched to the width there is, so everything that is text stands beside it as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from exporter.web.page.formatting import usd

DAYS = 30

_HEIGHT = 100
_SLOT = 10
_BAR = 7.6
_LEAST = 1.2  # a day with little spend, or none, still shows that it is known


@dataclass(frozen=True, slots=True)
class Spend:
    """USD per day of the `DAYS` days that end with the latest one known; a day that isn't known is absent."""

    days: tuple[tuple[date, float], ...]

    @property
    def latest(self) -> tuple[date, float] | None:
        """The latest day that is known."""
        return self.days[-1] if self.days else None

    @property
    def total(self) -> float:
        """The sum of all days."""
        return math.fsum(amount for _, amount in self.days)


def sum_of(series: Iterable[Iterable[tuple[date, float]]]) -> Spend:
    """Return the sum of several accounts' spend; an amount that is no amount is not known."""
    amounts: dict[date, list[float]] = {}
    for each in series:
        for day, amount in each:
            if math.isfinite(amount) and amount >= 0:
                amounts.setdefault(day, []).append(amount)
    if not amounts:
        return Spend(())
    first = max(amounts) - timedelta(days=DAYS - 1)
    return Spend(tuple((day, math.fsum(amounts[day])) for day in sorted(amounts) if day >= first))


def bars(spend: Spend, label: str, kind: str = "") -> str:
    """Return the bars alone; each day has its place, so one that isn't known is a gap."""
    if not spend.days:
        return ""
    start = spend.days[0][0]
    slots = (spend.days[-1][0] - start).days + 1
    highest = max(amount for _, amount in spend.days) or 1.0
    drawn = []
    for day, amount in spend.days:
        left = (day - start).days * _SLOT
        tall = max(amount / highest * _HEIGHT, _LEAST)
        name = "zero" if amount == 0 else "last" if day == spend.days[-1][0] else "bar"
        drawn.append(
            f'<g class="{name}"><title>{day}: {usd(amount)}</title>'
            f'<rect class="hit" x="{left}" width="{_SLOT}" height="{_HEIGHT}"/>'
            f'<rect x="{left + (_SLOT - _BAR) / 2:g}" y="{_HEIGHT - tall:.2f}" width="{_BAR}" height="{tall:.2f}"/></g>'
        )
    return (
        f'<svg class="bars {kind}" viewBox="0 0 {slots * _SLOT} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{"".join(drawn)}</svg>'
    )


def chart(spend: Spend) -> str:
    """Return the chart with its axes and, for those who can't see it, its numbers; or why there is none."""
    if not spend.days:
        return '<p class="empty">No spend to show yet: no poll has brought a day of use.</p>'
    first, last = spend.days[0][0], spend.days[-1][0]
    if spend.total == 0:
        return f'<p class="empty">No spend from {first} to {last}.</p>'
    top_day, top = max(spend.days, key=lambda entry: entry[1])
    label = f"Spend per day from {first} to {last}, in US dollars; highest on {top_day} with {usd(top)}"
    rows = "".join(f"<tr><td>{day}</td><td>{usd(amount)}</td></tr>" for day, amount in reversed(spend.days))
    return (
        f'<figure class="chart"><div class="axis y" aria-hidden="true"><span>{usd(top)}</span><span>{usd(top / 2)}'
        f"</span><span>$0</span></div>{bars(spend, label)}"
        f'<div class="axis x" aria-hidden="true"><span>{first}</span><span>{last}</span></div></figure>'
        '<details class="numbers"><summary>As a table</summary><div class="scroll" tabindex="0"><table>'
        f'<thead><tr><th scope="col">UTC day</th><th scope="col">Spend</th></tr></thead><tbody>{rows}</tbody>'
        "</table></div></details>"
    )
