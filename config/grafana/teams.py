"""Rows of spend by team: the label `team` of the exporter's configuration. For another label, replace the word."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row

from config.grafana.panels import DOLLARS, NARROW_LEGEND, About, Query, stacked
from config.grafana.queries import ACCOUNT
from config.grafana.tables import Column, joined

NO_TEAMS = "No teams: set allocations.labels: [team] and rules in the exporter's configuration."
CENTS = {"decimals": 2}


def rows(builder: Builder) -> None:
    """Add the row to a dashboard."""
    builder.with_row(Row("Teams"))
    about = About(
        title="Teams",
        description="Spend by the label team of `allocations`, including your own provider keys. Spend that neither a "
        "rule nor a label of the account covers is 'unallocated', so the rows add up to the accounts' spend.",
        unit=DOLLARS,
        empty=NO_TEAMS,
    )
    month, total = _spend("month"), _spend("month", by="")
    columns = (
        Column("Month", month, DOLLARS, 110, CENTS),
        Column("Share", f"{month} / on () group_left () ({total} > 0)", "percentunit", 80, {"decimals": 1}),
        Column("Week", _spend("week"), DOLLARS, 110, CENTS),
        Column("Today", _spend("today"), DOLLARS, 110, CENTS),
    )
    builder.with_panel(joined(about, {"team": ("Team", 140)}, columns, width=12, height=9))
    about = About(
        title="This month by team",
        description="Spend since the first of the month, today included, by the label team of `allocations`.",
        unit=DOLLARS,
        empty=NO_TEAMS,
    )
    builder.with_panel(stacked(about, Query(month, "{{team}}"), width=12, aside=NARROW_LEGEND))


def _spend(period: str, by: str = "team") -> str:
    recorded = f"account_team:openrouter_spend_{period}_usd:sum{{{ACCOUNT}}}"
    return f"sum by ({by}) ({recorded})" if by else f"sum({recorded})"
