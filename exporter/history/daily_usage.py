"""An account's usage for accountants: one row for each endpoint and period, with decimals instead of doubles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from itertools import groupby

from exporter.clock import Pause
from exporter.collectors.activity.activity_collector import ReadActivity
from exporter.collectors.activity.exact_sums import EXACT, Decimals, add
from exporter.collectors.activity.usage_table import WIDTH, Key, Table
from exporter.collectors.constants import UNATTRIBUTED
from exporter.collectors.measures import BYOK_USAGE, USAGE
from exporter.errors import ExportError

ROWS_PER_STEP = 64
ZERO = Decimal(0)

Period = Sequence[date]  # days in order


@dataclass(frozen=True, slots=True)
class EndpointUsage:
    """The usage of one endpoint in a period.

    `numbers` are in the order of MEASURES, with None for an unknown one. `labels` are those of the
    table; `permaslug` is the last dated name of the model.
    """

    first_day: date
    last_day: date
    labels: Mapping[str, str]
    permaslug: str
    numbers: Decimals

    @property
    def cost(self) -> Decimal:
        """Return the amount charged to credits. Raise ExportError if it is unknown: an empty cell adds up like 0."""
        cost = self.numbers[USAGE]
        if cost is None:
            raise ExportError(f"{self.first_day}: the API does not report what {self.labels['model']} cost")
        return cost

    @property
    def spend(self) -> Decimal:
        """Return credits plus BYOK usage, which some accounts do not have. Raise ExportError if it is unknown."""
        own_keys = self.numbers[BYOK_USAGE]
        return self.cost if own_keys is None else EXACT.add(self.cost, own_keys)


def by_month(days: Iterable[date]) -> list[Period]:
    """Return days in order as months, of which the first and the last may be a part."""
    return [list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month))]


async def endpoint_usage(pause: Pause, usage: ReadActivity, periods: Iterable[Period]) -> AsyncIterator[EndpointUsage]:
    """Yield the rows of each period, ordered by their labels: the order of the API's rows is not promised.

    The table must be exact. With a split by key or member, `unattributed` is the exact difference between the account
    and the sum of its keys or members, so that totals are those of the account.
    """
    table, whole = usage.table, usage.whole
    keys = _keys(table, whole)
    for period in periods:
        offsets = [table.shape.offset(day) for day in period]
        for number, (key, parts) in enumerate(keys):
            rows = [row for row in (_numbers(table, whole, key, parts, offset) for offset in offsets) if row]
            if rows:
                labels: dict[str, str] = dict(zip(table.shape.labels, key, strict=True))
                yield EndpointUsage(period[0], period[-1], labels, _permaslug(table, whole, key), reduce(add, rows))
            if number % ROWS_PER_STEP == 0:
                await pause()


def _keys(table: Table, whole: Table | None) -> list[tuple[Key, Sequence[Key]]]:
    """Return all keys in order. Each key of `unattributed` comes with the keys to subtract from the whole."""
    if whole is None:
        return [(key, ()) for key in sorted(table.keys)]
    parts: dict[Key, list[Key]] = {endpoint: [] for endpoint in whole.keys}
    for key in table.keys:
        if key[-1] != UNATTRIBUTED:
            parts.setdefault(key[:-1], []).append(key)
    keys: list[tuple[Key, Sequence[Key]]] = [(key, ()) for of_endpoint in parts.values() for key in of_endpoint]
    return sorted(keys + [((*endpoint, UNATTRIBUTED), of_endpoint) for endpoint, of_endpoint in parts.items()])


def _numbers(table: Table, whole: Table | None, key: Key, parts: Sequence[Key], offset: int) -> Decimals | None:
    """Return the numbers of a key on a day, None where it has no usage."""
    if whole is None or key[-1] != UNATTRIBUTED:
        return table.decimals(key, offset)
    total = whole.decimals(key[:-1], offset)
    known = [numbers for part in parts if (numbers := table.decimals(part, offset)) is not None]
    if total is None and not known:
        return None
    rest = reduce(add, (_negative(numbers) for numbers in known), total or (ZERO,) * WIDTH)
    return rest if any(rest) else None


def _negative(numbers: Decimals) -> Decimals:
    return tuple(None if number is None else -number for number in numbers)


def _permaslug(table: Table, whole: Table | None, key: Key) -> str:
    if key in table.keys:
        return table.permaslugs[table.keys[key]][1]
    index = None if whole is None else whole.keys.get(key[:-1])
    return "" if whole is None or index is None else whole.permaslugs[index][1]
