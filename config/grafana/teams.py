"""Rows of spend by team: the label `team` of the exporter's configuration. For another label, replace the word."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row

from config.grafana.panels import DOLLARS, About, Query, ranking
from config.grafana.queries import ACCOUNT
from config.grafana.tables import CENTS, Column, joined

# The configuration is known at the first scrape, spend by team when the rules were evaluated.
NO_TEAMS = (
    "No spend by team: set allocations.labels: [team] in the exporter's configuration, and load the recording rules. "
    "New rules take two minutes."
)
WAITING = "waiting for recording rules"


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
    month, total = spend("month"), spend("month", by="")
    columns = (
        Column("Month", month, DOLLARS, 110, CENTS),
        Column("Share", f"{month} / on () group_left () ({total} > 0)", "percentunit", 80, {"decimals": 1}),
        Column("Week", spend("week"), DOLLARS, 110, CENTS),
        Column("Today", spend("today"), DOLLARS, 110, CENTS),
    )
    builder.with_panel(joined(about, {"team": ("Team", 140)}, columns, width=12, height=9))
    about = About(
        title="This month by team",
        description="Spend since the first of the month, today included, by the label team of `allocations`. If teams "
        "are configured and no recording rule has added up their spend yet, a bar of $0 says so.",
        unit=DOLLARS,
        empty=NO_TEAMS,
        short="no teams",
    )
    configured = f'count(openrouter_account_info{{{ACCOUNT}, team!=""}}) * 0'
    waiting = Query(f"{configured} unless on () {total}", WAITING)
    builder.with_panel(ranking(about, Query(f"sort_desc({month})", "{{team}}"), waiting).decimals(2))


def spend(period: str, by: str = "team") -> str:
    """Return the spend by team, or of all teams, in the current day, week or month."""
    recorded = f"account_team:openrouter_spend_{period}_usd:sum{{{ACCOUNT}}}"
    return f"sum by ({by}) ({recorded})" if by else f"sum({recorded})"
