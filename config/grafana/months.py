"""Rows of Overview: the spend of each month, and who spends more this month than on the same days of the last one."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import bargauge, common, table
from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.common import VizOrientation
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from config.grafana import keys, teams
from config.grafana.budget import NO_BUDGET
from config.grafana.panels import DOLLARS, RED, YELLOW, About, Query, instant, ranking
from config.grafana.queries import ACCOUNT, SPEND, once, same_day_last_month, usage
from config.grafana.tables import CENTS, HIDDEN, Column, joined

MONTHS = 12
NOW = "vector(time())"
COMPLETED = f"max(openrouter_activity_day_timestamp_seconds{{{ACCOUNT}}})"
MONTH_TO_DATE = "activity_month_to_date"
# A completed day is shown from about 00:30 of the next day on for 24 hours: at midnight and noon it is this long ago.
SHOWN_DAY = "vector(time() - 36 * 3600)"
# From any day of a month back to the first of the eleventh month before it, and not to the twelfth.
YEAR = "[334d:12h]"
NO_LAST_MONTH = "Cells for last month are empty until Prometheus has data for those days"
IMPORT = f"{NO_LAST_MONTH}; `openrouter-exporter export` imports them."
LIVE = "Spend in this UTC month so far, and in the month before up to the same date and time,"
NO_IMPORT = f"{NO_LAST_MONTH}: the API has no history of keys to import."


def rows(builder: Builder) -> None:
    """Add the rows to a dashboard."""
    builder.with_row(Row("Budgets and months"))
    builder.with_panel(_budgets())
    builder.with_panel(_months())
    builder.with_row(Row("Who spends more: this month against the same days of last month"))
    builder.with_panel(_models())
    builder.with_panel(_keys())
    builder.with_panel(_teams())
    builder.with_panel(_workspaces())


def by_month() -> str:
    """Return the spend of this month, of the last, and of the months before that Prometheus has, by label `month`."""
    current, previous = (
        f"max by (account) (sum without (paid_by) (openrouter_spend_{name}_usd{{{ACCOUNT}}}))"
        for name in ("month", "last_month")
    )
    recorded = once("account:openrouter_activity_month_to_date_spend_usd:sum", "account")
    shown = f"({recorded} or {usage(SPEND, 'account', window=MONTH_TO_DATE)})"
    return (
        f"sum by (month) ({_in_month(current, NOW)} or {_in_month(previous, f'({NOW} - 86400 * day_of_month())')}"
        f" or last_over_time(({_in_month(shown, SHOWN_DAY)}){YEAR}))"
    )


def _in_month(expression: str, day: str) -> str:
    """Return an expression with the month of a day as label, such as 2026-11."""
    number = f'count_values("month", 100 * year({day}) + month({day}))'
    month = f'label_replace({number}, "month", "$1-$2", "month", "(....)(..)")'
    return f"{expression} * on () group_left (month) {month}"


def _months() -> bargauge.Panel:
    about = About(
        title="Spend by month",
        description="Spend per UTC month, own provider keys included, today included. The exporter shows this month "
        "and the last one; earlier months appear if Prometheus has them, collected or imported with "
        "`openrouter-exporter export`.",
        unit=DOLLARS,
        empty="No spend: are the collectors spend or activity enabled, and the key a management key?",
    )
    panel = ranking(about, Query(by_month()), width=24, height=8)
    panel.targets(instant([Query(by_month())], table=True)).orientation(VizOrientation.VERTICAL).decimals(0)
    panel.with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "month"}]}))
    return panel.reduce_options(common.ReduceDataOptions().calcs([]).values(True).limit(MONTHS).fields(""))


def _budgets() -> table.Panel:
    by = "account, budget, period"
    spent, limit, expected = (
        once(f"openrouter_budget_{name}_usd", by) for name in ("spent", "limit", "expected_spent")
    )
    about = About(
        title="Budgets",
        description="Spend in the current period of each budget, today included, the most used first. A click shows "
        "its details. Projected is based on weekdays, and empty for periods other than a month.",
        unit=DOLLARS,
        empty=NO_BUDGET,
    )
    limits = [{"value": None, "color": "text"}, {"value": 0.8, "color": YELLOW}, {"value": 1, "color": RED}]
    coloured = {"thresholds": {"mode": "absolute", "steps": limits}, "custom.cellOptions": {"type": "color-text"}}
    columns = (
        Column("Used", f"{spent} / ({limit} > 0)", "percentunit", 90, {"decimals": 1, **coloured}),
        Column("Spent", spent, DOLLARS, 110, CENTS),
        Column("Limit", limit, DOLLARS, 110, CENTS),
        Column("Left", once("openrouter_budget_remaining_usd", by), DOLLARS, 110, CENTS),
        Column("Projected", expected, DOLLARS, 110, CENTS),
    )
    labels = {"account": ("Account", 160), "budget": ("Budget", 300), "period": ("Period", 100)}
    return joined(about, labels, columns, height=8)


def _models() -> table.Panel:
    recorded = once("account_model:openrouter_activity_month_to_date_spend_usd:sum", "account, model")
    spend = usage(SPEND, "account, model", window=MONTH_TO_DATE)
    return _against(
        "Models against last month",
        "Spend in the month of the latest completed day, up to that day, and up to the same date of the month before.",
        {"model": ("Model", 270)},
        spend,
        same_day_last_month(f"({recorded} or {spend})", COMPLETED),
        missing=IMPORT,
        empty="No spend this month, or the window month_to_date isn't among collectors.activity.windows.",
    )


def _keys() -> table.Panel:
    name = f"max by (account, key, name) (openrouter_key_info{{{ACCOUNT}}})"
    known = f"topk by (account, key) (1, {name} or {same_day_last_month(name)})"
    return _against(
        "Keys against last month",
        f"{LIVE} of each key.",
        {"name": ("Key", 150), "account": ("Account", 120), "key": ("", 0)},
        _by_key(),
        same_day_last_month(_by_key()),
        Column("Info", known, "none", 0, HIDDEN),
        missing=NO_IMPORT,
        empty=keys.NO_KEYS,
    )


def _workspaces() -> table.Panel:
    workspace = f"topk by (account, key) (1, max by (account, key, workspace) (openrouter_key_info{{{ACCOUNT}}}))"
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


def _teams() -> table.Panel:
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
    families = f'{{__name__=~"openrouter_key_(byok_)?usage_month_usd", {ACCOUNT}}}'
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
) -> table.Panel:
    """Return a table of what rises most, of spend by account and name, this month and the last.

    A name without spend last month is new if Prometheus has that month of its account; else nothing is known of it.
    """
    about = About(title=title, description=f"{text} The largest rise first. {missing}", unit=DOLLARS, empty=empty)

    def shown(by_account: str) -> str:
        return by_account if "account" in labels else f"sum by ({', '.join(labels)}) ({by_account})"

    compared, before = shown(f"({this} and on (account) {last})"), shown(last)
    rise = f"{compared} - {before} or ({compared} unless {before}) or 0 - ({before} unless {compared})"
    columns = (
        Column("Rise", rise, DOLLARS, 100, CENTS),
        Column("By", f"{compared} / ({before} > 0) - 1", "percentunit", 80, {"decimals": 0}),
        Column("This month", shown(this), DOLLARS, 110, CENTS),
        Column("Last month", before, DOLLARS, 110, CENTS),
        *more,
    )
    return joined(about, labels, columns, width=12, height=9, then="This month")
