"""The frame of all dashboards: name, time range, links to the others, variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    RowPanel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from config.grafana.links import add_links
from config.grafana.panels import RED, SOURCE, AnyPanel
from config.grafana.queries import DAY, FIRING, MONTH, MONTH_TO_DATE, WEEK, series

Variable: TypeAlias = Builder[VariableModel]
TAG = "openrouter"
EVERYTHING = ".*"  # a label that the configuration drops is not there
# Marks on all graphs: when alerts fired, and when credit was bought.
_ALERTS = f"sum by (alertname, account) ({FIRING})"
_BOUGHT = series("openrouter_credits_purchased_usd")
# Grafana takes as many steps as the window has pixels, half an hour or an hour over a month: a purchase must be seen
# for longer than a step.
_PURCHASES = f"max by (account) ({_BOUGHT}) - max by (account) ({_BOUGHT} offset 1h) > 0"
WINDOWS = {"Latest day": DAY, "7 days": WEEK, "30 days": MONTH, "Month to date": MONTH_TO_DATE}


@dataclass(frozen=True)
class PanelRow:
    """A row of a dashboard: its title, its panels, and whether it is closed until someone opens it."""

    title: str
    panels: Sequence[AnyPanel]
    folded: bool = False


def frame(
    uid: str, title: str, description: str, *variables: Variable, since: str = "now-30d", refresh: str = "5m"
) -> dashboard.Dashboard:
    """Return a dashboard without panels, with its data source, account and more to choose."""
    link = dashboard.DashboardLink("OpenRouter").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("utc")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh(refresh)
        .link(link.as_dropdown(True).include_vars(True).keep_time(True).icon("external link"))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(labels("account", "Account", "openrouter_up"))
        .annotation(_Event("Alerts", "{{alertname}}", RED, _ALERTS))
        .annotation(_Event("Credit purchases", "Credit bought", "blue", _PURCHASES))
    )
    for variable in variables:
        builder.with_variable(variable)
    return builder


class _Event(AnnotationQuery, Builder[AnnotationQuery]):
    """An annotation with a title, and the account in its tooltip, which the library has no fields for."""

    def __init__(self, name: str, title: str, colour: str, expression: str) -> None:
        super().__init__(name=name, datasource=SOURCE, icon_color=colour, expr=expression)
        self.title = title

    def build(self) -> AnnotationQuery:
        """Return the annotation."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the annotation with its texts."""
        return {**super().to_json(), "titleFormat": self.title, "textFormat": "{{account}}"}


def labels(
    label: str, title: str, series: str, everything: str = EVERYTHING, name: str = ""
) -> dashboard.QueryVariable:
    """Return a variable of a label's values, named as the label unless it has a name of its own.

    It selects several values, or `everything`; if that is empty, all that are known.
    """
    variable = (
        dashboard.QueryVariable(name or label)
        .label(title)
        .description(f"From the label {label} of {series.partition('{')[0]}.")
        .datasource(SOURCE)
        .query({"query": f"label_values({series}, {label})", "refId": "Variable", "qryType": 1})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
    return variable.all_value(everything) if everything else variable


def windows() -> dashboard.CustomVariable:
    """Return the picker of the window: what stands between `openrouter_` and the measure in a metric's name."""
    first = next(iter(WINDOWS))
    return (
        dashboard.CustomVariable("window")
        .label("Window")
        .description("Days covered by tables, prices and shares. All windows end with the latest completed UTC day.")
        .values(", ".join(f"{text} : {value}" for text, value in WINDOWS.items()))
        .options([VariableOption(selected=text == first, text=text, value=value) for text, value in WINDOWS.items()])
        .current(VariableOption(selected=True, text=first, value=WINDOWS[first]))
    )


def row(title: str, *panels: AnyPanel) -> PanelRow:
    """Return a row; without a title, panels at the top."""
    return PanelRow(title, panels)


def folded(title: str, *panels: AnyPanel) -> PanelRow:
    """Return a row that is closed until someone opens it: its panels are rarely needed, and query nothing till then."""
    return PanelRow(title, panels, folded=True)


def finished(builder: dashboard.Dashboard, *rows: PanelRow) -> Dashboard:
    """Return the dashboard with its rows, its panels numbered and names in them linked, those of folded rows too."""
    for row in rows:
        _add(builder, row)
    built = builder.build()
    top = built.panels or []
    panels = [panel for outer in top for panel in (outer, *(outer.panels if isinstance(outer, RowPanel) else ()))]
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number
    add_links(built, (panel for panel in panels if isinstance(panel, Panel)))
    return built


def _add(builder: dashboard.Dashboard, row: PanelRow) -> None:
    head = dashboard.Row(row.title)
    if row.folded:
        for panel in row.panels:
            head.with_panel(panel)
    if row.title:
        builder.with_row(head)
    if not row.folded:
        for panel in row.panels:
            builder.with_panel(panel)
