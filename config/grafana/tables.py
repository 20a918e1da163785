"""A table whose columns are queries, joined on their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from config.grafana.panels import DOLLARS, About, Query, describe, instant, settings


@dataclass(frozen=True)
class Column:
    """A number per row: its title, query, unit and width in pixels, and further settings of the field."""

    name: str
    expression: str
    unit: str
    width: int = 110
    more: Mapping[str, Any] = field(default_factory=dict)


def dollars(name: str, expression: str, width: int = 110) -> Column:
    """Return a column of US dollars and cents."""
    return Column(name, expression, DOLLARS, width, {"decimals": 2})


def percent(name: str, expression: str, width: int, decimals: int = 1) -> Column:
    """Return a column of shares."""
    return Column(name, expression, "percentunit", width, {"decimals": decimals})


def hidden(expression: str) -> Column:
    """Return a column that only brings the labels of its series into the table."""
    return Column("Info", expression, "none", 0, {"custom.hidden": True})


def joined(
    about: About,
    labels: Mapping[str, tuple[str, int]],
    columns: Sequence[Column],
    *,
    width: int = 24,
    height: int = 11,
    then: str = "",
) -> table.Panel:
    """Return a table: labels as name: (title, width), then columns, sorted by the first column, descending.

    A label of width 0 joins the columns and is not shown. Rows that the first column leaves equal or empty are sorted
    by the column `then`.
    """
    panel = table.Panel().filterable(False)
    describe(panel, about, (width, height), instant([Query(column.expression) for column in columns], table=True))
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=_order(labels, columns)))
    # The text of an empty panel must not fill each empty cell.
    fields: dict[str, dict[str, Any]] = {
        title: {"custom.width": width, "custom.filterable": True} for title, width in labels.values() if width
    }
    fields |= {column.name: {"unit": column.unit, "custom.width": column.width, **column.more} for column in columns}
    for name, properties in fields.items():
        panel.override_by_name(name, settings({"noValue": "-", **properties}))
    sorted_by = [name for name in (columns[0].name, then) if name]
    panel.sort_by([common.TableSortByFieldState().display_name(name).desc(True) for name in sorted_by])
    return panel.footer(common.TableFooterOptions().show(False).enable_pagination(True).reducer(["sum"]))


def _order(labels: Mapping[str, tuple[str, int]], columns: Sequence[Column]) -> dict[str, Any]:
    names = {f"Value #{ref}": column.name for column, ref in zip(columns, ascii_uppercase, strict=False)}
    shown = {name: title for name, (title, width) in labels.items() if width} | names
    return {
        "excludeByName": {"Time": True} | {name: True for name, (_, width) in labels.items() if not width},
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate(shown)},
        "renameByName": shown,
    }
