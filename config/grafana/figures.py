"""The lines of figures of Overview: what matters now, and the completed days."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row

from config.grafana import queries
from config.grafana.budget import NO_BUDGET, credit_lasts_for
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    RED,
    YELLOW,
    About,
    Query,
    changing,
    completeness,
    figure,
    link,
    thresholds,
    words,
)
from config.grafana.queries import ACCOUNT

NOTHING = "No usage yet: is openrouter_up 1, and does the time range reach the present?"
NO_SPEND = "No spend: is the collector spend enabled, and the key a management key?"
BUDGETS = "account, budget, period"
KEPT = "${datasource:queryparam}&${account:queryparam}&${__url_time_range}"
BUDGET = f"/d/openrouter-budget/openrouter-budget-and-keys?{KEPT}"
HEALTH = f"/d/openrouter-health/openrouter-exporter-health?{KEPT}"


def now(builder: Builder) -> None:
    """Add the line that answers in five seconds; a click on a figure leads to its details."""
    builder.with_panel(_spent_today().data_links([link("Today", BUDGET)]))
    builder.with_panel(_this_month())
    builder.with_panel(_budget_used().data_links([link("All budgets", BUDGET)]))
    builder.with_panel(_projected())
    builder.with_panel(credit_lasts_for(height=4).data_links([link("Credit", BUDGET)]))
    builder.with_panel(_alerts())


def _spent(period: str) -> str:
    return f"max by (account) (sum without (paid_by) (openrouter_spend_{period}_usd{{{ACCOUNT}}}))"


def _spent_today() -> stat.Panel:
    today = _spent("today")
    usual = f"({_completed('activity_7d')} / 7 * (time() % 86400 / 86400))"
    about = About(
        title="Spent today",
        description="Spend since midnight UTC: credits and own keys. Below: compared with the same hour a week ago or, "
        "until Prometheus has that, with the 7-day mean spread evenly over the day.",
        unit=DOLLARS,
        empty=NO_SPEND,
    )
    week_ago = ("vs a week ago", queries.grown(today, queries.offset(today, "7d")))
    return changing(
        about, Query(f"sum({today})", "today"), week_ago, ("vs usual", queries.grown(today, usual))
    ).decimals(2)


def _this_month() -> stat.Panel:
    month = _spent("month")
    about = About(
        title="This month",
        description="Spend in this UTC month, today included. Below: compared with the same days of last month or, "
        "until Prometheus has those, with all of last month.",
        unit=DOLLARS,
        empty=NO_SPEND,
    )
    same_days = ("vs same days", queries.grown(month, queries.same_day_last_month(month)))
    whole = ("vs last month", queries.grown(month, _spent("last_month")))
    return changing(about, Query(f"sum({month})", "this month"), same_days, whole).decimals(2)


def _budget_used() -> stat.Panel:
    spent, limit = (queries.once(f"openrouter_budget_{name}_usd", BUDGETS) for name in ("spent", "limit"))
    about = About(
        title="Budget used",
        description="Spent share of the budget that is closest to its limit.",
        unit="percentunit",
        empty=NO_BUDGET,
        short="no budget",
    )
    limits = thresholds((0.8, YELLOW), (1, RED), base="text")
    return figure(about, Query(f"max({spent} / ({limit} > 0))", "Budget used")).decimals(0).thresholds(limits)


def _projected() -> stat.Panel:
    about = About(
        title="Month projected",
        description="Spend of the whole month if each remaining day costs the mean of its weekday over the last four "
        "weeks. In an account's first four weeks: the mean of the month's completed days. Below: compared with all of "
        "last month.",
        unit=DOLLARS,
        empty=NO_SPEND,
    )
    whole = ("vs last month", queries.grown(queries.projected(), _spent("last_month")))
    return changing(about, Query(f"sum({queries.projected()})", "projected"), whole).decimals(2)


def _alerts() -> stat.Panel:
    about = About(
        title="Firing alerts",
        description="Number of alerts firing now, for the selected accounts or for the exporter as a whole.",
        unit="none",
        empty="No alert is firing, or the rules are not loaded.",
        short="none",
    )
    alerts = 'ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"}'
    return figure(about, Query(f"count({alerts})", "Firing alerts")).thresholds(thresholds((1, RED), base="text"))


def completed_days(builder: Builder) -> None:
    """Add the line of the windows that end with the latest completed day."""
    builder.with_row(Row("Completed days"))
    builder.with_panel(_latest_day())
    builder.with_panel(_week())
    builder.with_panel(_month())
    builder.with_panel(_own_keys())
    builder.with_panel(completeness())
    builder.with_panel(_polls())


def _completed(window: str) -> str:
    return queries.usage(queries.SPEND, "account", window=window)


def _latest_day() -> stat.Panel:
    day = _completed("activity")
    about = About(
        title="Latest day",
        description="Spend, own keys included, on the latest completed UTC day, shown in 'Day shown'. Below: compared "
        "with the day before or, until Prometheus has that, with the mean of 7 days.",
        unit=DOLLARS,
        empty=NOTHING,
    )
    before = ("vs day before", queries.grown(day, queries.offset(day, "1d")))
    mean = ("vs 7-day mean", queries.grown(day, f"({_completed('activity_7d')} / 7)"))
    return changing(about, Query(f"sum({day})", "latest day"), before, mean).decimals(2)


def _week() -> stat.Panel:
    week, month = (_completed(window) for window in ("activity_7d", "activity_30d"))
    about = About(
        title="7 days",
        description="Spend, own keys included, over the 7 UTC days that end with the latest completed one. Below: "
        "compared with the 7 days before or, until Prometheus has those, with the mean of 30 days.",
        unit=DOLLARS,
        empty=NOTHING,
    )
    before = ("vs week before", queries.grown(week, queries.offset(week, "7d")))
    mean = ("vs 30-day mean", queries.grown(week, f"({month} * 7 / 30)"))
    return changing(about, Query(f"sum({week})", "7 days"), before, mean).decimals(2)


def _month() -> stat.Panel:
    about = About(
        title="30 days",
        description="Spend, own keys included, over the 30 UTC days that end with the latest completed one.",
        unit=DOLLARS,
        empty=NOTHING,
    )
    return figure(about, Query(queries.usage(queries.SPEND, window="activity_30d"), "30 days")).decimals(2)


def _own_keys() -> stat.Panel:
    about = About(
        title="Own provider keys",
        description="Part of the spend in the chosen window that providers charge to own keys (BYOK).",
        unit=DOLLARS,
        empty=NOTHING,
    )
    return figure(about, Query(queries.usage("byok_usage_usd"), "BYOK")).decimals(2)


def _polls() -> stat.Panel:
    about = About(
        title="Polls",
        description="Whether the last polls of all collectors of the selected accounts succeeded.",
        unit="none",
        empty="No exporter: Prometheus has scraped none of these accounts. Is the target up?",
    )
    state = words(("0", "failing", RED), ("1", "working", GREEN))
    panel = figure(about, Query(f"min({queries.once('openrouter_up', 'account')})", "Polls"))
    return panel.mappings(state).data_links([link("Exporter health", HEALTH)])
