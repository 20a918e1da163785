"""The frame of all dashboards: name, time range, links to the others, variables."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    RowPanel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from config.grafana.links import add_links
from config.grafana.panels import RED, SOURCE

TAG = "openrouter"
EVERYTHING = ".*"  # a label that the configuration drops is not there
# Marks on all graphs: when alerts fired, and when credit was bought.
ALERTS = 'sum by (alertname, account) (ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"})'
_BOUGHT = 'openrouter_credits_purchased_usd{account=~"$account"}'
# Evaluated in steps of minutes over a month: a purchase must be seen for longer than a step.
PURCHASES = f"max by (account) ({_BOUGHT}) - max by (account) ({_BOUGHT} offset 15m) > 0"
WINDOWS = {
    "Latest day": "activity",
    "7 days": "activity_7d",
    "30 days": "activity_30d",
    "Month to date": "activity_month_to_date",
}


def frame(
    uid: str, title: str, description: str, *, since: str = "now-30d", refresh: str = "5m"
) -> dashboard.Dashboard:
    """Return a dashboard without panels, with its data source and account to choose."""
    link = dashboard.DashboardLink("OpenRouter").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
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
        .annotation(_Event("Alerts", "{{alertname}}", RED, ALERTS))
        .annotation(_Event("Credit purchases", "Credit bought", "blue", PURCHASES))
    )


class _Event(Builder[AnnotationQuery]):
    """An annotation, with a title and the account in its tooltip."""

    def __init__(self, name: str, title: str, colour: str, expression: str) -> None:
        self.query = _WithTexts(name=name, datasource=SOURCE, icon_color=colour, expr=expression)
        self.query.title = title

    def build(self) -> AnnotationQuery:
        """Return the annotation."""
        return self.query


class _WithTexts(AnnotationQuery):
    """An annotation with the fields of the Prometheus data source for texts, which the library does not know."""

    title: str

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


def finished(builder: dashboard.Dashboard) -> Dashboard:
    """Return the dashboard, its panels numbered and names in them linked, those of folded rows too."""
    built = builder.build()
    top = built.panels or []
    panels = [panel for row in top for panel in (row, *(row.panels if isinstance(row, RowPanel) else ()))]
    for number, panel in enumerate(panels, start=1):
        panel.id_val = number
    add_links(built, (panel for panel in panels if isinstance(panel, Panel)))
    return built


def folded(title: str, *panels: Builder[Panel]) -> dashboard.Row:
    """Return a row that is closed until someone opens it: its panels are rarely needed, and query nothing till then."""
    row = dashboard.Row(title).collapsed(True)
    for panel in panels:
        row.with_panel(panel)
    return row
