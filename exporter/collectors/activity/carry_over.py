"""What the table of the last poll still knows: days that left the API's answer, and numbers that have changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from exporter.clock import Pause
from exporter.collectors.activity.usage_table import NO_CELL, WIDTH, Table

BYTES_PER_CELL = WIDTH * 8


async def carry_over(pause: Pause, old: Table, new: Table, days: Iterable[date]) -> None:
    """Copy whole days, which the API no longer answers but a window still needs, from the old table to the new.

    A key that had no row since is added with the day's numbers. What the new table has of such a day is dropped: it
    is no more than a part of it.
    """
    for day in sorted(days):
        source, target = (day - old.shape.first).days, (day - new.shape.first).days
        await _clear(pause, new, target)
        if source in old.days_with_rows:
            new.days_with_rows.add(target)
        for key, index in old.keys.items():
            numbers = old.cell(index, source)
            if numbers is not None:
                to = new.key_index(key)
                new.put(to, target, numbers)
                new.permaslugs[to] = max(new.permaslugs[to], (target, old.permaslugs[index][1]))
            await pause()


async def _clear(pause: Pause, table: Table, place: int) -> None:
    table.days_with_rows.discard(place)
    for index in range(len(table.keys)):
        table.places[index * table.shape.days + place] = NO_CELL
        await pause()


async def restated_rows(pause: Pause, old: Table, new: Table, days: Iterable[date]) -> int:
    """Return how many rows of the given days have other numbers than before, appeared or went away.

    Tables of different shape can't be compared: 0.
    """
    if old.shape.labels != new.shape.labels:
        return 0
    pairs = [((day - old.shape.first).days, (day - new.shape.first).days) for day in days]
    old_cells, new_cells = memoryview(old.cells).cast("B"), memoryview(new.cells).cast("B")
    restated = 0
    for key, index in old.keys.items():
        before = index * old.shape.days
        other = new.keys.get(key)
        after = None if other is None else other * new.shape.days
        for source, target in pairs:
            a = old.places[before + source]
            b = NO_CELL if after is None else new.places[after + target]
            restated += _bytes_of(old_cells, a) != _bytes_of(new_cells, b)
        await pause()
    for key, index in new.keys.items():
        if key not in old.keys:
            start = index * new.shape.days
            restated += sum(new.places[start + target] != NO_CELL for _, target in pairs)
        await pause()
    return restated


def _bytes_of(cells: memoryview, cell: int) -> bytes | memoryview:
    """Return a cell for comparison: as bytes, an unknown number (NaN) equals itself."""
    return b"" if cell == NO_CELL else cells[cell * BYTES_PER_CELL : (cell + 1) * BYTES_PER_CELL]
