"""Sums over windows, the fold of the smallest endpoints, and the label sets they are published under."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from exporter.collectors.base import Work
from exporter.collectors.days import DAY
from exporter.collectors.table import NO_CELL, WIDTH, Key, Table

KEYS_PER_STEP = 8
OTHER = "other"
UNKNOWN = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Per window, one array with WIDTH sums for each key, in the keys' order; `ranks` orders keys by their size.

    `spend` is USD per day place, credits and own-key spend together; unknown numbers are left out of it.
    """

    windows: tuple[array[float], ...]
    ranks: list[tuple[float, float]]
    spend: list[float]


def sum_up(table: Table, windows: Sequence[Sequence[date]]) -> Work[Sums]:
    """Return the sums over each window's days, each rounded once (math.fsum).

    An endpoint without a row in a window gets 0, but for a number that no row of the table reports: that is NaN.
    """
    days = table.shape.days
    spans = [_span(table, window) for window in windows]
    results = tuple(array("d") for _ in windows)
    ranks: list[tuple[float, float]] = []
    spend = [0.0] * days
    nothing = yield from _nothing(table)
    for index in range(len(table.keys)):
        present = [
            (place, table.cells[cell * WIDTH : (cell + 1) * WIDTH])
            for place, cell in enumerate(table.places[index * days : (index + 1) * days])
            if cell != NO_CELL
        ]
        for result, span in zip(results, spans, strict=True):
            columns = zip(*[numbers for place, numbers in present if place in span], strict=True)
            result.extend(tuple(map(math.fsum, columns)) or nothing)
        for place, numbers in present:
            spend[place] += _known(numbers[0]) + _known(numbers[1])
        ranks.append(
            (
                sum(_known(numbers[0]) + _known(numbers[1]) for _, numbers in present),
                sum(_known(numbers[2]) for _, numbers in present),
            )
        )
        if index % KEYS_PER_STEP == 0:
            yield
    return Sums(results, ranks, spend)


def _span(table: Table, window: Sequence[date]) -> range:
    start = (window[0] - table.shape.first).days
    return range(start, start + len(window))


def _known(number: float) -> float:
    return 0.0 if math.isnan(number) else number


def _nothing(table: Table) -> Work[tuple[float, ...]]:
    """Return what an endpoint without use shows: 0, but unknown for a measure that no row reports."""
    values = []
    for measure in range(WIDTH):
        known = measure in table.hidden
        for start in range(measure, 0 if known else len(table.cells), WIDTH * 1024):
            known = any(value == value for value in table.cells[start : start + WIDTH * 1024 : WIDTH])  # noqa: PLR0124
            if known:
                break
            yield
        values.append(0.0 if known or not table.cells else UNKNOWN)
    return tuple(values)


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Published label values, and for each the keys that are summed under them."""

    rows: list[Key]
    members: list[tuple[int, ...]]
    folded: int


def fold(table: Table, ranks: Sequence[tuple[float, float]], most: int) -> Fold:
    """Keep the `most` largest endpoints (by spend, then requests, then name); the rest are summed under `other`.

    A workspace's rest stays its own, so that totals per workspace stay right.
    """
    keys = list(table.keys)
    if len(keys) <= most:
        return Fold(keys, [(index,) for index in range(len(keys))], 0)
    by_size = sorted(range(len(keys)), key=lambda index: (-ranks[index][0], -ranks[index][1], keys[index]))
    kept = set(by_size[:most])
    groups: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key if index in kept else _other(table, key), []).append(index)
    return Fold(list(groups), [tuple(members) for members in groups.values()], len(keys) - most)


def _other(table: Table, key: Key) -> Key:
    return tuple(
        value if label == "workspace_id" else OTHER for label, value in zip(table.shape.labels, key, strict=True)
    )


def column(fold_: Fold, sums: array[float], measure: int) -> array[float]:
    """Return one measure's values in the order of the fold's rows."""
    values = sums[measure::WIDTH]
    if not fold_.folded:
        return values
    return array("d", [math.fsum(values[index] for index in members) for members in fold_.members])


def spend_by_day(table: Table, sums: Sums) -> tuple[tuple[date, float], ...]:
    """Return USD per day, oldest first, for the days on which the account had any row."""
    return tuple(
        (table.shape.first + DAY * place, usd) for place, usd in enumerate(sums.spend) if place in table.days_with_rows
    )
