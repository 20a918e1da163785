"""Spend by team: the label `team` of the exporter's configuration. For another label, replace the word."""

from __future__ import annotations

from config.grafana.frame import PanelRow, row
from config.grafana.panels import DOLLARS, About, AnyPanel, Query, ranking
from config.grafana.queries import ACCOUNT, series, share_of_total
from config.grafana.tables import dollars, joined, percent

# The configuration is known at the first scrape, spend by team when the rules were evaluated.
NO_TEAMS = (
    "No spend by team: set allocations.labels: [team] in the exporter's configuration, and load the recording rules. "
    "New rules take two minutes."
)
WAITING = "waiting for recording rules"


def teams() -> PanelRow:
    """Return the row."""
    return row("Teams", _teams(), _this_month())


def spend(period: str, by: str = "team") -> str:
    """Return the spend by team, or of all teams, in the current day, week or month."""
    recorded = series(f"account_team:openrouter_spend_{period}_usd:sum")
    return f"sum by ({by}) ({recorded})" if by else f"sum({recorded})"


def _teams() -> AnyPanel:
    about = About(
        "Teams",
        "Spend by the label team of `allocations`, including your own provider keys. Spend that neither a rule nor a "
        "label of the account covers is 'unallocated', so the rows add up to the accounts' spend.",
        DOLLARS,
        NO_TEAMS,
    )
    columns = (
        dollars("Month", spend("month")),
        percent("Share", share_of_total(spend("month"), spend("month", by="")), 80),
        dollars("Week", spend("week")),
        dollars("Today", spend("today")),
    )
    return joined(about, {"team": ("Team", 140)}, columns, width=12, height=9)


def _this_month() -> AnyPanel:
    about = About(
        "This month by team",
        "Spend since the first of the month, today included, by the label team of `allocations`. If teams are "
        "configured and no recording rule has added up their spend yet, a bar of $0 says so.",
        DOLLARS,
        NO_TEAMS,
        "no teams",
    )
    configured = series("openrouter_account_info", f'{ACCOUNT}, team!=""')
    waiting = Query(f"count({configured}) * 0 unless on () {spend('month', by='')}", WAITING)
    return ranking(about, Query(f"sort_desc({spend('month')})", "{{team}}"), waiting).decimals(2)
