"""A table whose columns are queries, joined on their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from config.grafana.panels import About, Query, describe, instant


@dataclass(frozen=True)
class Column:
    """A number per row: its name, its query, its unit, and what else the field is given."""

    name: str
    expression: str
    unit: str
    more: Mapping[str, Any] = field(default_factory=dict)


def joined(
    about: About,
    labels: Mapping[str, str],
    columns: Sequence[Column],
    *,
    width: int = 24,
    height: int = 11,
    link: tuple[str, str, str] | None = None,
) -> table.Panel:
    """Return a table: the labels (name: title), then the columns, the largest of the first on top.

    A link is (title of the column, text, URL).
    """
    panel = table.Panel().filterable(True)
    describe(panel, about, (width, height), instant([Query(each.expression) for each in columns], table=True))
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=_order(labels, columns)))
    # What the panel says when it is empty must not fill each empty cell.
    fields: dict[str, dict[str, Any]] = {name: {} for name in labels.values()}
    fields |= {each.name: {"unit": each.unit, **each.more} for each in columns}
    for name, properties in fields.items():
        settings = {"noValue": "-", **properties}
        panel.override_by_name(name, [DynamicConfigValue(id_val=k, value=v) for k, v in settings.items()])
    if link:
        column, title, url = link
        panel.override_by_name(column, [DynamicConfigValue(id_val="links", value=[{"title": title, "url": url}])])
    panel.sort_by([common.TableSortByFieldState().display_name(columns[0].name).desc(True)])
    return panel.footer(common.TableFooterOptions().show(False).enable_pagination(True).reducer(["sum"]))


def _order(labels: Mapping[str, str], columns: Sequence[Column]) -> dict[str, Any]:
    names = {f"Value #{ref}": each.name for each, ref in zip(columns, ascii_uppercase, strict=False)}
    shown = {**labels, **names}
    return {
        "excludeByName": {"Time": True},
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate(shown)},
        "renameByName": shown,
    }
