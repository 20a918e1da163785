"""The usage table stops growing at a number of keys: rows of further keys are added to `other` while they are read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from exporter.api.activity_rows import ActivityRow
from exporter.api.rejections import Rejections
from exporter.collectors.activity.usage_table import WIDTH, KeyLabel, Shape, Table
from exporter.collectors.days import DAY
from tests.collectors.helpers import TODAY, collect, row

MOST_KEYS = 3


def table_of(rows: Iterable[dict[str, Any]], *labels: KeyLabel, excluded: str = "-") -> Table:
    """Return a table that may hold three keys."""
    shape = Shape(labels, lambda model: model != excluded, TODAY - 32 * DAY, TODAY, MOST_KEYS)
    table = Table(shape)
    table.add([msgspec.convert(fields, ActivityRow, strict=False) for fields in rows], Rejections())
    return table


def total(table: Table) -> float:
    """Return the spend of all cells."""
    return math.fsum(table.cells[::WIDTH])


def test_keys_beyond_the_limit_are_other() -> None:
    """Totals stay right, and the folded rows are counted."""
    table = table_of([row(endpoint=str(number), requests=number) for number in range(100)], "endpoint_id")
    assert [("0",), ("1",), ("2",), ("other",)] == list(table.keys)
    assert (100.0, 97, 100) == (total(table), table.overflow, table.usable)


def test_rows_of_a_key_in_the_table_keep_their_key() -> None:
    """They may come after the table is full."""
    rows = [row(endpoint=str(number % 50), requests=number) for number in range(500)]
    table = table_of(rows, "endpoint_id")
    numbers = table.numbers(table.keys[("0",)], TODAY.toordinal() - (TODAY - 32 * DAY).toordinal() - 1)
    assert numbers is not None
    assert (10.0, 500.0) == (numbers[0], total(table))


def test_rows_of_one_endpoint_and_day_share_one_cell() -> None:
    table = table_of([row(requests=number) for number in range(1000)], "endpoint_id")
    assert WIDTH == len(table.cells)


def test_each_workspace_keeps_its_own_other_up_to_a_limit() -> None:
    """Even endless workspaces do not fill the memory."""
    rows = [row(endpoint=str(number), workspace_id=f"w{number}", requests=number) for number in range(100)]
    table = table_of(rows, "endpoint_id", "workspace_id")
    assert ("other", "w3") in table.keys
    assert (("other", "other") in table.keys, len(table.keys)) == (True, 2 * MOST_KEYS + 1)
    assert 100.0 == total(table)


def test_each_part_of_a_split_has_its_own_limit() -> None:
    """A part is a separate response."""
    table = table_of([row(endpoint=str(number)) for number in range(3)], "endpoint_id", "key")
    table.end_response()
    table.start_part("k2")
    table.add([msgspec.convert(row(endpoint=str(number)), ActivityRow) for number in range(3)], Rejections())
    assert (6, 0) == (len(table.keys), table.overflow)


def test_endless_excluded_models_do_not_fill_the_memory() -> None:
    """The number of known names is limited too."""
    table = table_of([row(model="-", endpoint=str(number)) for number in range(1000)], "endpoint_id", excluded="-")
    assert ({}, True) == (table.keys, len(table._identities) <= 4 * MOST_KEYS)  # noqa: SLF001 — it has no other sign


def test_totals_stay_right_with_more_endpoints_than_the_table_holds() -> None:
    """Endpoints folded while reading are part of `other`, which has no info series."""
    polled = collect([row(endpoint=str(number)) for number in range(20_010)], max_endpoints=2)
    assert 20_010.0 == math.fsum(polled.shown["usage_usd"].values())
    assert (2, 20_009) == (len(polled.shown["usage_usd"]), polled.collected.summary.folded)
    assert 1 == len(polled.shown["endpoint_info"])
