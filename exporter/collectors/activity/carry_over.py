"""Compare a poll's table with the previous one: days that left the API's response, and rows that have changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from exporter.clock import Pause
from exporter.collectors.activity.usage_table import NO_CELL, WIDTH, Table

BYTES_PER_CELL = WIDTH * 8


async def carry_over(pause: Pause, old: Table, new: Table, days: Iterable[date]) -> None:
    """Copy whole days that a window still needs but the API no longer returns.

    They replace what the new table has of such a day, which is at most a part of it. A key without later rows is added.
    """
    for day in sorted(days):
        source, target = old.shape.offset(day), new.shape.offset(day)
        new.remove_day(target)
        if source in old.days_with_rows:
            new.days_with_rows.add(target)
        for key, index in old.keys.items():
            numbers = old.numbers(index, source)
            if numbers is not None:
                copy = new.key_index(key)
                new.put(copy, target, numbers)
                new.permaslugs[copy] = max(new.permaslugs[copy], (target, old.permaslugs[index][1]))
            await pause()


async def restated_rows(pause: Pause, old: Table, new: Table, days: Iterable[date]) -> int:
    """Return how many rows of these days have other numbers than before, are new or are gone.

    Tables with different labels cannot be compared: 0.
    """
    if old.shape.labels != new.shape.labels:
        return 0
    offsets = [(old.shape.offset(day), new.shape.offset(day)) for day in days]
    old_cells, new_cells = memoryview(old.cells).cast("B"), memoryview(new.cells).cast("B")
    restated = 0
    for key, index in old.keys.items():
        before = index * old.shape.days
        other = new.keys.get(key)
        after = None if other is None else other * new.shape.days
        for source, target in offsets:
            old_cell = old.cell_of[before + source]
            new_cell = NO_CELL if after is None else new.cell_of[after + target]
            restated += _bytes_of(old_cells, old_cell) != _bytes_of(new_cells, new_cell)
        await pause()
    for key, index in new.keys.items():
        if key not in old.keys:
            start = index * new.shape.days
            restated += sum(new.cell_of[start + target] != NO_CELL for _, target in offsets)
        await pause()
    return restated


def _bytes_of(cells: memoryview, cell: int) -> bytes | memoryview:
    """Return a cell as bytes, so that an unknown number (NaN) equals itself."""
    return b"" if cell == NO_CELL else cells[cell * BYTES_PER_CELL : (cell + 1) * BYTES_PER_CELL]
