"""What the whole has beyond its parts: use by keys that were deleted, by none, by members who left.

It becomes a part of its own, so that sums over the parts are what they would be without a split.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Container, Sequence

from exporter.api.messages import printable
from exporter.clock import Pause
from exporter.collectors.activity.aggregation import MONEY
from exporter.collectors.activity.usage_table import MEASURES, WIDTH, Key, Table
from exporter.collectors.activity.windows import DAY
from exporter.errors import InvalidResponse

UNATTRIBUTED = "unattributed"

# The API adds up floating-point numbers for each answer anew: less than this part of a sum is no use but noise.
NOISE = 1e-9
# Its amounts may be rounded, to the millionth at the coarsest; so may the parts' sum be above the whole.
ROUNDING = 1e-6
_NOTHING = array("d", [0.0] * WIDTH)


async def add_unattributed(pause: Pause, table: Table, whole: Table, settled: Container[int]) -> None:
    """Add to `table`, which is split, what `whole` has beyond it; the split's label is the last one of its keys.

    Raises InvalidResponse if, on a day whose place is in `settled`, the parts are more than the whole.
    """
    parts: dict[Key, list[int]] = {base: [] for base in whole.keys}
    for key, index in table.keys.items():
        parts.setdefault(key[:-1], []).append(index)
        await pause()
    for base, members in parts.items():
        await _add_rest(pause, table, whole, base, members, settled=settled)
    table.days_with_rows |= whole.days_with_rows
    table.hidden |= whole.hidden


async def _add_rest(
    pause: Pause, table: Table, whole: Table, base: Key, members: Sequence[int], *, settled: Container[int]
) -> None:
    index = whole.keys.get(base)
    for place in range(table.shape.days):
        total = None if index is None else whole.cell(index, place)
        cells = [cell for member in members if (cell := table.cell(member, place)) is not None]
        await pause()
        if total is None and not cells:
            continue
        rest = _rest(total or _NOTHING, cells)
        for measure, number in enumerate(rest):
            if number < 0 and place in settled:
                day = table.shape.first + place * DAY
                what = printable(", ".join(base)) or "all models"
                raise InvalidResponse(
                    f"the parts have {-number:g} {MEASURES[measure]} of {what} on {day} more than the whole"
                )
            if total is not None and math.isnan(number) and not math.isnan(total[measure]):
                table.hidden.add(measure)
        if any(number > 0 for number in rest):
            key = table.key_index((*base, UNATTRIBUTED))
            table.put(key, place, array("d", [max(number, 0.0) for number in rest]))  # an unknown one (NaN) stays so
            if index is not None:
                table.permaslugs[key] = max(table.permaslugs[key], whole.permaslugs[index])


def _rest(total: Sequence[float], cells: Sequence[Sequence[float]]) -> list[float]:
    """Return each number less those of the parts; of amounts, 0 where that is no more than how sums are rounded."""
    rest = [math.fsum((total[measure], *(-cell[measure] for cell in cells))) for measure in range(WIDTH)]
    for measure in MONEY:
        noise = NOISE * total[measure]
        if -(noise + ROUNDING * len(cells)) <= rest[measure] <= noise:
            rest[measure] = 0.0
    return rest
