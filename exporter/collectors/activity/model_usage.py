"""The models that an account used in 30 days: the catalogue collectors read these."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.clock import Pause
from exporter.collectors.activity.usage_table import NO_CELL, KeyLabel, Table
from exporter.collectors.constants import OTHER
from exporter.collectors.measures import REQUESTS, USAGE
from exporter.collectors.tops import ROWS_PER_STEP
from exporter.collectors.used_models import ModelUse, model_uses

Totals = Sequence[Sequence[float]]  # by measure, then by key of the table


async def used_models(
    pause: Pause, table: Table, labels: Sequence[KeyLabel], totals: Totals | None, spend: dict[str, float] | None
) -> tuple[ModelUse, ...]:
    """Return the models with use in the 30 days that `totals` and `spend` cover; without them, in all days read."""
    if "model" not in labels:
        return ()
    column = labels.index("model")
    latest: dict[str, tuple[int, str]] = {}
    requests: dict[str, float] = {}
    for index, key in enumerate(table.keys):
        name = key[column]
        if totals is not None:
            if totals[REQUESTS][index] == 0 == totals[USAGE][index]:
                continue
            requests[name] = requests.get(name, 0.0) + totals[REQUESTS][index]
        if name != OTHER:
            latest[name] = max(latest.get(name, (NO_CELL, "")), table.permaslugs[index])
        if index % ROWS_PER_STEP == 0:
            await pause()
    return model_uses({name: permaslug for name, (_, permaslug) in latest.items()}, spend or {}, requests)
