"""Spend per day as a bar chart: inline SVG, no script.

The drawing is stretched to the available width, so all text is HTML beside it.
"""

from __future__ import annotations

from datetime import date

from exporter.web.overview import DailyTotals
from exporter.web.page.formatting import usd

_HEIGHT = 100
_SLOT = 10
_BAR = 7.6
_LEAST = 1.2  # so that a day with little or no spend is still visible as a known day


def bars(spend: DailyTotals, label: str, kind: str = "") -> str:
    """Return the bars without axes; an unknown day is a gap."""
    if not spend.days:
        return ""
    start = spend.days[0][0]
    slots = (spend.days[-1][0] - start).days + 1
    highest = max(0.0, *(amount for _, amount in spend.days)) or 1.0
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


def chart(spend: DailyTotals, no_usage: date | None) -> str:
    """Return the chart with axes and a table of its numbers, or the reason why there is nothing to draw.

    `no_usage` is the latest day up to which there was no usage at all, if that is known.
    """
    if not spend.days:
        reason = f"No usage in the 30 days to {no_usage}." if no_usage else "No spend yet: no poll has succeeded."
        return f'<p class="empty">{reason}</p>'
    first, last = spend.days[0][0], spend.days[-1][0]
    if not any(amount for _, amount in spend.days):
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
