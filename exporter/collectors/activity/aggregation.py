"""Sums over windows, the fold of the smallest endpoints, and the label sets they are published under."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import cast

from exporter.clock import Pause
from exporter.collectors.activity.usage_table import MEASURES, WIDTH, Key, Table
from exporter.collectors.activity.windows import DAY

KEYS_PER_STEP = 32
MONEY = (0, 1)  # of the measures; the others are counts, whose sums are exact as they are
OTHER = "other"
SPLIT_LABELS = ("workspace_id", "key", "user_id")
UNKNOWN = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Per window and measure, one sum for each key, in the keys' order.

    `spend` is USD per day place, credits and own-key spend together; unknown numbers are left out of it.
    """

    windows: tuple[tuple[array[float], ...], ...]
    spend: list[float]


async def sum_up(pause: Pause, table: Table, windows: Sequence[Sequence[date]]) -> Sums:
    """Return the sums over each window's days, amounts of money rounded once (math.fsum).

    An endpoint without a row in a window gets 0, but for a number that no row of the table reports: that is NaN.
    """
    days = table.shape.days
    spans = [_span(table, window) for window in windows]
    results = tuple(tuple(array("d") for _ in MEASURES) for _ in windows)
    spend = [0.0] * days
    columns = await _columns(pause, table)
    for start in range(0, len(table.keys), KEYS_PER_STEP):
        block = table.places[start * days : (start + KEYS_PER_STEP) * days]
        picks = [_picker(block[day::days]) for day in range(days)]
        for measure, values in enumerate(columns):
            by_day = [pick(values) for pick in picks]
            add = math.fsum if measure in MONEY else sum
            for result, span in zip(results, spans, strict=True):
                result[measure].fromlist(list(map(add, zip(*by_day[span], strict=True))))
            if measure in MONEY:
                for day, numbers in enumerate(by_day):
                    spend[day] += math.fsum(number for number in numbers if _is_known(number))
        await pause()
    return Sums(results, spend)


async def _columns(pause: Pause, table: Table) -> list[array[float]]:
    """Return each measure's numbers by cell, and behind them, where NO_CELL finds it, what a day without a row is."""
    nothing = await _nothing(pause, table)
    columns = []
    for measure in range(WIDTH):
        columns.append(table.cells[measure::WIDTH])
        columns[-1].append(nothing[measure])
        await pause()
    return columns


def _picker(cells: array[int]) -> Callable[[array[float]], tuple[float, ...]]:
    """Return what takes these cells' numbers out of a column at once."""
    if len(cells) == 1:
        return lambda column: (column[cells[0]],)
    return cast("Callable[[array[float]], tuple[float, ...]]", itemgetter(*cells))


def _is_known(number: float) -> bool:
    return not math.isnan(number)


def _span(table: Table, window: Sequence[date]) -> slice:
    start = (window[0] - table.shape.first).days
    return slice(start, start + len(window))


async def _nothing(pause: Pause, table: Table) -> tuple[float, ...]:
    """Return what an endpoint without use shows: 0, but unknown for a measure that no row reports."""
    values = []
    for measure in range(WIDTH):
        known = measure in table.hidden
        for start in range(measure, 0 if known else len(table.cells), WIDTH * 1024):
            known = any(value == value for value in table.cells[start : start + WIDTH * 1024 : WIDTH])  # noqa: PLR0124
            if known:
                break
            await pause()
        values.append(0.0 if known or not table.cells else UNKNOWN)
    return tuple(values)


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Published label values, and for each the keys that are summed under them."""

    rows: list[Key]
    members: list[tuple[int, ...]]
    folded: int


async def fold(pause: Pause, table: Table, most: int) -> Fold:
    """Keep the `most` largest endpoints (by spend, then requests, then name); the rest are summed under `other`.

    The rest of a workspace, key or member stays its own, so that their totals stay right.
    """
    keys = list(table.keys)
    if len(keys) <= most:
        return Fold(keys, [(index,) for index in range(len(keys))], 0)
    sizes = await _sizes(pause, table)
    by_size = sorted(range(len(keys)), key=lambda index: (sizes[index], keys[index]))
    kept = set(by_size[:most])
    groups: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key if index in kept else _other(table, key), []).append(index)
    return Fold(list(groups), [tuple(members) for members in groups.values()], len(keys) - most)


async def _sizes(pause: Pause, table: Table) -> list[tuple[float, float]]:
    """Return for each key its spend and requests over all days, negative, so that the largest comes first."""
    sizes = []
    for index in range(len(table.keys)):
        cells = [cell for place in range(table.shape.days) if (cell := table.cell(index, place)) is not None]
        spend = math.fsum(number for cell in cells for number in (cell[0], cell[1]) if _is_known(number))
        requests = math.fsum(cell[2] for cell in cells if _is_known(cell[2]))
        sizes.append((-spend, -requests))
        await pause()
    return sizes


def _other(table: Table, key: Key) -> Key:
    return tuple(
        value if label in SPLIT_LABELS else OTHER for label, value in zip(table.shape.labels, key, strict=True)
    )


def column(fold_: Fold, values: array[float]) -> array[float]:
    """Return one measure's sums in the order of the fold's rows."""
    if not fold_.folded:
        return values
    return array("d", [math.fsum(values[index] for index in members) for members in fold_.members])


def spend_by_day(table: Table, sums: Sums) -> tuple[tuple[date, float], ...]:
    """Return USD per day, oldest first, for the days on which the account had any row."""
    return tuple(
        (table.shape.first + DAY * place, usd) for place, usd in enumerate(sums.spend) if place in table.days_with_rows
    )
