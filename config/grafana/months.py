"""Rows of Overview: the spend of each month, and who spends more this month than on the same days of the last one."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models.common import VizOrientation
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from config.grafana import keys, teams
from config.grafana.budget import NO_BUDGET
from config.grafana.frame import PanelRow, row
from config.grafana.panels import DOLLARS, RED, YELLOW, About, AnyPanel, Query, instant, ranking
from config.grafana.queries import (
    DAY_SHOWN,
    MONTH_TO_DATE,
    SPEND,
    budget,
    budget_used,
    once,
    ratio,
    same_day_last_month,
    series,
    spent,
    usage,
)
from config.grafana.tables import Column, dollars, hidden, joined, percent

MONTHS = 12
NOW = "vector(time())"
LAST_MONTH = f"({NOW} - 86400 * day_of_month())"
# A completed day is shown from about 00:30 of the next day on for 24 hours: at midnight and noon it is this long ago.
SHOWN_DAY = "vector(time() - 36 * 3600)"
# From any day of a month back to the first of the eleventh month before it, and not to the twelfth.
YEAR = "[334d:12h]"
NO_LAST_MONTH = "Cells for last month are empty until Prometheus has data for those days"
IMPORT = f"{NO_LAST_MONTH}; `openrouter-exporter export` imports them."
LIVE = "Spend in this UTC month so far, and in the month before up to the same date and time,"
NO_IMPORT = f"{NO_LAST_MONTH}: the API has no history of keys to import."


def rows() -> tuple[PanelRow, ...]:
    """Return the rows."""
    return (
        row("Budgets and months", _budgets(), _months()),
        row(
            "Who spends more: this month against the same days of last month",
            *(_models(), _keys(), _teams(), _workspaces()),
        ),
    )


def _by_month() -> str:
    """Return the spend of this month, of the last, and of the months before that Prometheus has, by label `month`."""
    current, previous = _in_month(spent("month"), NOW), _in_month(spent("last_month"), LAST_MONTH)
    recorded = once("account:openrouter_activity_month_to_date_spend_usd:sum", "account")
    shown = f"({recorded} or {usage(SPEND, 'account', window=MONTH_TO_DATE)})"
    earlier = f"last_over_time(({_in_month(shown, SHOWN_DAY)}){YEAR})"
    return f"sum by (month) ({current} or {previous} or {earlier})"


def _in_month(expression: str, day: str) -> str:
    """Return an expression with the month of a day as label, such as 2026-11."""
    number = f'count_values("month", 100 * year({day}) + month({day}))'
    month = f'label_replace({number}, "month", "$1-$2", "month", "(....)(..)")'
    return f"{expression} * on () group_left (month) {month}"


def _months() -> AnyPanel:
    about = About(
        "Spend by month",
        "Spend per UTC month, own provider keys included, today included. The exporter shows this month and the last "
        "one; earlier months appear if Prometheus has them, collected or imported with `openrouter-exporter export`.",
        DOLLARS,
        "No spend: are the collectors spend or activity enabled, and the key a management key?",
    )
    panel = ranking(about, width=24, height=8).targets(instant([Query(_by_month())], table=True))
    panel.orientation(VizOrientation.VERTICAL).decimals(0)
    panel.with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "month"}]}))
    return panel.reduce_options(common.ReduceDataOptions().calcs([]).values(True).limit(MONTHS).fields(""))


def _budgets() -> AnyPanel:
    about = About(
        "Budgets",
        "Spend in the current period of each budget, today included, the most used first. A click shows its details. "
        "Projected is based on weekdays, and empty for periods other than a month.",
        DOLLARS,
        NO_BUDGET,
    )
    limits = [{"value": None, "color": "text"}, {"value": 0.8, "color": YELLOW}, {"value": 1, "color": RED}]
    coloured = {"thresholds": {"mode": "absolute", "steps": limits}, "custom.cellOptions": {"type": "color-text"}}
    columns = (
        Column("Used", budget_used(), "percentunit", 90, {"decimals": 1, **coloured}),
        dollars("Spent", budget("spent_usd")),
        dollars("Limit", budget("limit_usd")),
        dollars("Left", budget("remaining_usd")),
        dollars("Projected", budget("expected_spent_usd")),
    )
    names = {"account": ("Account", 160), "budget": ("Budget", 300), "period": ("Period", 100)}
    return joined(about, names, columns, height=8)


def _models() -> AnyPanel:
    recorded = once("account_model:openrouter_activity_month_to_date_spend_usd:sum", "account, model")
    spend = usage(SPEND, "account, model", window=MONTH_TO_DATE)
    return _against(
        "Models against last month",
        "Spend in the month of the latest completed day, up to that day, and up to the same date of the month before.",
        {"model": ("Model", 270)},
        spend,
        same_day_last_month(f"({recorded} or {spend})", f"max({DAY_SHOWN})"),
        missing=IMPORT,
        empty="No spend this month, or the window month_to_date isn't among collectors.activity.windows.",
    )


def _keys() -> AnyPanel:
    name = once("openrouter_key_info", "account, key, name")
    known = f"topk by (account, key) (1, {name} or {same_day_last_month(name)})"
    return _against(
        "Keys against last month",
        f"{LIVE} of each key.",
        {"name": ("Key", 150), "account": ("Account", 120), "key": ("", 0)},
        _by_key(),
        same_day_last_month(_by_key()),
        hidden(known),
        missing=NO_IMPORT,
        empty=keys.NO_KEYS,
    )


def _workspaces() -> AnyPanel:
    workspace = f"topk by (account, key) (1, {once('openrouter_key_info', 'account, key, workspace')})"
    spend = f"sum by (account, workspace) ({_by_key()} * on (account, key) group_left (workspace) {workspace})"
    return _against(
        "Workspaces against last month",
        f"{LIVE} of the keys of each workspace.",
        {"workspace": ("Workspace", 150), "account": ("Account", 120)},
        spend,
        same_day_last_month(spend),
        missing=NO_IMPORT,
        empty=keys.NO_KEYS,
    )


def _teams() -> AnyPanel:
    spend = teams.spend("month", "account, team")
    return _against(
        "Teams against last month",
        f"{LIVE} by the label team of `allocations`.",
        {"team": ("Team", 270)},
        spend,
        same_day_last_month(spend),
        missing=NO_IMPORT,
        empty=teams.NO_TEAMS,
    )


def _by_key() -> str:
    families = series("openrouter_key_(byok_)?usage_month_usd")
    return f"max by (account, key) (sum without () ({families}))"  # adds the two: only their names differ


def _against(
    title: str,
    text: str,
    labels: Mapping[str, tuple[str, int]],
    this: str,
    last: str,
    *more: Column,
    missing: str,
    empty: str,
) -> AnyPanel:
    """Return a table of what rises most, of spend by account and name, this month and the last.

    A name without spend last month is new if Prometheus has that month of its account; else nothing is known of it.
    """
    about = About(title, f"{text} The largest rise first. {missing}", DOLLARS, empty)

    def shown(by_account: str) -> str:
        return by_account if "account" in labels else f"sum by ({', '.join(labels)}) ({by_account})"

    compared, before = shown(f"({this} and on (account) {last})"), shown(last)
    rise = f"{compared} - {before} or ({compared} unless {before}) or 0 - ({before} unless {compared})"
    columns = (
        dollars("Rise", rise, 100),
        percent("By", f"{ratio(compared, before)} - 1", 80, decimals=0),
        dollars("This month", shown(this)),
        dollars("Last month", before),
        *more,
    )
    return joined(about, labels, columns, width=12, height=9, then="This month")
