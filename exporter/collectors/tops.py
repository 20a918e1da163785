"""The models and keys that spent most, for people who look at the page without Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from heapq import nsmallest
from typing import Literal

from exporter.clock import Pause
from exporter.status import Top, TopEntry

MOST_ENTRIES = 10
ROWS_PER_STEP = 200


def top(
    of: Literal["model", "key"],
    period: Literal["today", "month", "30d"],
    amounts: Mapping[str, float],
    until: datetime | None = None,
) -> Top:
    """Return the names that spent most. If any amount is unknown (NaN), the total and all shares are unknown."""
    total = math.fsum(amounts.values())
    spenders = ((-usd, name) for name, usd in amounts.items() if usd > 0)
    entries = tuple(
        TopEntry(name, -usd, -usd / total if total > 0 else None) for usd, name in nsmallest(MOST_ENTRIES, spenders)
    )
    return Top(of=of, period=period, total_usd=None if math.isnan(total) else total, entries=entries, until=until)


async def spend_by_name(pause: Pause, names: Iterable[str], columns: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the sum over each name's rows of several columns of money. A sum of which a part is unknown is unknown.

    A column that the API does not report at all is left out.
    """
    reported = [column for column in columns if not all(map(math.isnan, column))] or columns
    parts: dict[str, list[float]] = {}
    for row, (name, amounts) in enumerate(zip(names, zip(*reported, strict=True), strict=True)):
        parts.setdefault(name, []).extend(amounts)
        if row % ROWS_PER_STEP == 0:
            await pause()
    return {name: math.fsum(numbers) for name, numbers in parts.items()}
