"""Sums over windows of days."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import cast

from exporter.clock import Pause
from exporter.collectors.activity.usage_table import WIDTH, Table
from exporter.collectors.constants import UNKNOWN
from exporter.collectors.days import DAY
from exporter.collectors.folding import Size, known_sum
from exporter.collectors.measures import MEASURES, MONEY, REQUESTS

KEYS_PER_STEP = 32  # each has up to 32 days


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Per window and measure, one sum for each key, in the keys' order.

    `spend` is USD per day of the table, credits and own-key spend together; unknown numbers are left out of it.
    """

    windows: tuple[tuple[array[float], ...], ...]
    spend: list[float]


async def sum_up(pause: Pause, table: Table, windows: Sequence[Sequence[date]]) -> Sums:
    """Return the sums over each window's days; amounts of money are rounded once (math.fsum).

    An endpoint without a row in a window gets 0, except for a measure that no row of the table reports: that is NaN.
    """
    days = table.shape.days
    spans = [slice(table.shape.offset(window[0]), table.shape.offset(window[-1]) + 1) for window in windows]
    results = tuple(tuple(array("d") for _ in MEASURES) for _ in windows)
    spend = [0.0] * days
    columns = await _columns(pause, table)
    for start in range(0, len(table.keys), KEYS_PER_STEP):
        block = table.cell_of[start * days : (start + KEYS_PER_STEP) * days]
        picks = [_picker(block[day::days]) for day in range(days)]
        for measure, values in enumerate(columns):
            by_day = [pick(values) for pick in picks]
            add = math.fsum if measure in MONEY else sum
            for result, span in zip(results, spans, strict=True):
                result[measure].fromlist(list(map(add, zip(*by_day[span], strict=True))))
            if measure in MONEY:
                for day, numbers in enumerate(by_day):
                    spend[day] += known_sum(numbers)
        await pause()
    return Sums(results, spend)


async def _columns(pause: Pause, table: Table) -> list[array[float]]:
    """Return each measure's numbers by cell. The last one, at index NO_CELL, is that of a day without a row."""
    columns = []
    for measure in range(WIDTH):
        column = table.cells[measure::WIDTH]
        column.append(0.0 if table.is_reported(measure) else UNKNOWN)
        columns.append(column)
        await pause()
    return columns


def _picker(cells: array[int]) -> Callable[[array[float]], tuple[float, ...]]:
    """Return a function that takes the numbers of these cells out of a column at once."""
    if len(cells) == 1:
        return lambda column: (column[cells[0]],)
    return cast("Callable[[array[float]], tuple[float, ...]]", itemgetter(*cells))


def size_of(table: Table, key: int) -> Size:
    """Return the known spend and requests of a key over all days."""
    rows = [numbers for day in range(table.shape.days) if (numbers := table.numbers(key, day)) is not None]
    spend = known_sum([numbers[measure] for numbers in rows for measure in MONEY])
    return spend, known_sum([numbers[REQUESTS] for numbers in rows])


def spend_by_day(table: Table, sums: Sums) -> tuple[tuple[date, float], ...]:
    """Return USD per day, oldest first, for the days on which the account has any row."""
    return tuple(
        (table.shape.first + DAY * offset, usd)
        for offset, usd in enumerate(sums.spend)
        if offset in table.days_with_rows
    )
