"""Usage that belongs to no listed key or member: by keys that were deleted, or by members who left.

It becomes a part of its own, `unattributed`, so that sums over the parts are those of the account.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Container, Sequence

from exporter.api.messages import printable
from exporter.clock import Pause
from exporter.collectors.activity.usage_table import WIDTH, Key, Table
from exporter.collectors.constants import UNATTRIBUTED
from exporter.collectors.days import DAY
from exporter.collectors.measures import MEASURES, MONEY
from exporter.errors import InvalidResponse

# The API sums floating-point numbers anew for each response: less than this share of a sum is noise, not usage.
NOISE = 1e-9
# Amounts may be rounded to the millionth, in each part: their sum may exceed the total by so much per part.
ROUNDING = 1e-6
_NOTHING = array("d", [0.0] * WIDTH)


async def add_unattributed(pause: Pause, table: Table, whole: Table, settled: Container[int]) -> None:
    """Add to `table` what `whole` has beyond it. The split's label is the last one of the table's keys.

    Raises InvalidResponse if the parts exceed the whole on a day whose offset is in `settled`.
    """
    parts: dict[Key, list[int]] = {endpoint: [] for endpoint in whole.keys}
    for key, index in table.keys.items():
        parts.setdefault(key[:-1], []).append(index)
        await pause()
    for endpoint, keys in parts.items():
        await _add_rest(pause, table, whole, endpoint, keys, settled=settled)
    table.days_with_rows |= whole.days_with_rows
    table.reported |= whole.reported


async def _add_rest(
    pause: Pause, table: Table, whole: Table, endpoint: Key, keys: Sequence[int], *, settled: Container[int]
) -> None:
    index = whole.keys.get(endpoint)
    for offset in range(table.shape.days):
        total = None if index is None else whole.numbers(index, offset)
        parts = [numbers for key in keys if (numbers := table.numbers(key, offset)) is not None]
        await pause()
        if total is None and not parts:
            continue
        rest = _rest(total or _NOTHING, parts)
        for measure, number in enumerate(rest):
            if number < 0 and offset in settled:
                day, what = table.shape.first + offset * DAY, printable(", ".join(endpoint)) or "all models"
                raise InvalidResponse(
                    f"the parts of the split exceed the total by {-number:g} {MEASURES[measure]} for {what} on {day}"
                )
            if total is not None and math.isnan(number) and not math.isnan(total[measure]):
                table.reported.add(measure)
        if any(number > 0 for number in rest):
            key = table.key_index((*endpoint, UNATTRIBUTED))
            table.put(key, offset, array("d", [max(number, 0.0) for number in rest]))  # max(nan, 0) is nan: unknown
            if index is not None:
                table.permaslugs[key] = max(table.permaslugs[key], whole.permaslugs[index])


def _rest(total: Sequence[float], parts: Sequence[Sequence[float]]) -> list[float]:
    """Return each number less those of the parts; an amount that may come from rounding alone is 0."""
    rest = [math.fsum((total[measure], *(-part[measure] for part in parts))) for measure in range(WIDTH)]
    for measure in MONEY:
        noise = NOISE * abs(total[measure])
        if -(noise + ROUNDING * len(parts)) <= rest[measure] <= noise:
            rest[measure] = 0.0
    return rest
