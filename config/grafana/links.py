"""Where a click leads: the dashboard with the details of the name in a cell, on a line or on a bar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardLink,
    DynamicConfigValue,
    FieldConfigSource,
    Panel,
)

CARRIED = ("datasource", "account", "window")
TIME = "${__url_time_range}"


@dataclass(frozen=True)
class Detail:
    """A dashboard, and its variable that selects the name; one without a variable has the name in a table."""

    uid: str
    variable: str = ""


# By the label that has the name.
DETAILS = {
    "account": Detail("openrouter-overview", "account"),
    "model": Detail("openrouter-endpoint", "model"),
    "provider": Detail("openrouter-endpoint", "provider"),
    "name": Detail("openrouter-budget", "key"),
    "api_key_id": Detail("openrouter-budget", "key"),
    "workspace": Detail("openrouter-budget", "workspace"),
    "budget": Detail("openrouter-budget"),
    "team": Detail("openrouter-spenders"),
}


def add_links(board: Dashboard, panels: Iterable[Panel]) -> None:
    """Link every name that has details, and carry on what is selected on this dashboard."""
    known = {variable.name for variable in board.templating.list_val or []}
    kept = {name: f"${{{name}:queryparam}}" for name in CARRIED if name in known}
    for panel in panels:
        config = panel.field_config or FieldConfigSource()
        if panel.type_val == "table":
            _link_cells(panel, config, kept)
        elif not config.defaults.links:
            config.defaults.links = list(_links_of_series(panel, kept)) or None


def _link_cells(panel: Panel, config: FieldConfigSource, kept: dict[str, str]) -> None:
    """Link the columns that have names; a row with an account leads to that account."""
    order: Any = next(change.options for change in panel.transformations or [] if change.id_val == "organize")
    titles: dict[str, str] = order["renameByName"]
    if "account" in titles:
        kept = {**kept, "account": f"var-account={_cell(titles['account'])}"}
    overrides = {override.matcher.options: override for override in config.overrides}
    for label in [label for label in titles if label in DETAILS]:
        link = {"title": "Show ${__value.text}", "url": _url(DETAILS[label], _cell(titles[label]), kept)}
        overrides[titles[label]].properties.append(DynamicConfigValue(id_val="links", value=[link]))


def _links_of_series(panel: Panel, kept: dict[str, str]) -> Iterable[DashboardLink]:
    """Yield a link for each name in the legends."""
    legends = " ".join(str(getattr(target, "legend_format", "")) for target in panel.targets or [])
    for label in dict.fromkeys(re.findall(r"\{\{(\w+)\}\}", legends)):
        if label in DETAILS:
            name = f"${{__field.labels.{label}:percentencode}}"
            yield DashboardLink(title=f"Show ${{__field.labels.{label}}}", url=_url(DETAILS[label], name, kept))


def _cell(title: str) -> str:
    return f"${{__data.fields.{title}:percentencode}}"


def _url(detail: Detail, name: str, kept: dict[str, str]) -> str:
    selected = f"var-{detail.variable}={name}" if detail.variable else ""
    carried = [value for key, value in kept.items() if key != detail.variable]
    return f"/d/{detail.uid}?{'&'.join(filter(None, (selected, *carried, TIME)))}"
