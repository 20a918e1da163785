"""The lines of figures of Overview: what matters now, and the completed days."""

from __future__ import annotations

from config.grafana.budget import NO_BUDGET, credit_lasts_for
from config.grafana.frame import PanelRow, row
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LIMIT_COLOURS,
    RED,
    YELLOW,
    About,
    AnyPanel,
    Query,
    changing,
    figure,
    link,
    thresholds,
    words,
)
from config.grafana.queries import (
    DAY,
    FIRING,
    MONTH,
    SPEND,
    WEEK,
    budget_used,
    grown,
    offset,
    once,
    projected,
    same_day_last_month,
    spent,
    usage,
)

NOTHING = "No usage yet: is openrouter_up 1, and does the time range reach the present?"
NO_SPEND = "No spend: is the collector spend enabled, and the key a management key?"
NO_EXPORTER = "No exporter: Prometheus has scraped none of these accounts."
KEPT = "${datasource:queryparam}&${account:queryparam}&${__url_time_range}"
BUDGET = f"/d/openrouter-budget/openrouter-budget-and-keys?{KEPT}"
HEALTH = f"/d/openrouter-health/openrouter-exporter-health?{KEPT}"


def now() -> PanelRow:
    """Return the line to read in five seconds; a click on a figure leads to its details."""
    credit = credit_lasts_for(height=4).data_links([link("Credit", BUDGET)])
    return row("", _spent_today(), _this_month(), _budget_used(), _projected(), credit, _alerts())


def completed_days() -> PanelRow:
    """Return the line of the windows that end with the latest completed day."""
    return row("Completed days", _latest_day(), _week(), _month(), _own_keys(), _missing_in_totals(), _polls())


def _spent_today() -> AnyPanel:
    about = About(
        "Spent today",
        "Spend since midnight UTC: credits and own keys. Below: compared with the same hour a week ago or, until "
        "Prometheus has that, with the 7-day mean spread evenly over the day.",
        DOLLARS,
        NO_SPEND,
    )
    today = spent("today")
    usual = f"({_completed(WEEK)} / 7 * (time() % 86400 / 86400))"
    week_ago = ("vs a week ago", grown(today, offset(today, "7d")))
    panel = changing(about, Query(f"sum({today})", "today"), week_ago, ("vs usual", grown(today, usual)))
    return panel.decimals(2).data_links([link("Today", BUDGET)])


def _this_month() -> AnyPanel:
    about = About(
        "This month",
        "Spend in this UTC month, today included. Below: compared with the same days of last month or, until "
        "Prometheus has those, with all of last month.",
        DOLLARS,
        NO_SPEND,
    )
    month = spent("month")
    same_days = ("vs same days", grown(month, same_day_last_month(month)))
    whole = ("vs last month", grown(month, spent("last_month")))
    return changing(about, Query(f"sum({month})", "this month"), same_days, whole).decimals(2)


def _budget_used() -> AnyPanel:
    about = About(
        "Budget used", "Spent share of the budget that is closest to its limit.", "percentunit", NO_BUDGET, "no budget"
    )
    panel = figure(about, f"max({budget_used()})").decimals(0).thresholds(LIMIT_COLOURS)
    return panel.data_links([link("All budgets", BUDGET)])


def _projected() -> AnyPanel:
    about = About(
        "Month projected",
        "Spend of the whole month if each remaining day costs the mean of its weekday over the last four weeks. In an "
        "account's first four weeks: the mean of the month's completed days. Below: compared with all of last month.",
        DOLLARS,
        NO_SPEND,
    )
    whole = ("vs last month", grown(projected(), spent("last_month")))
    return changing(about, Query(f"sum({projected()})", "projected"), whole).decimals(2)


def _alerts() -> AnyPanel:
    about = About(
        "Firing alerts",
        "Number of alerts firing now, for the selected accounts or for the exporter as a whole.",
        "none",
        "No alert is firing, or the rules are not loaded.",
        "none",
    )
    return figure(about, f"count({FIRING})").thresholds(thresholds((1, RED), base="text"))


def _completed(window: str) -> str:
    return usage(SPEND, "account", window=window)


def _latest_day() -> AnyPanel:
    about = About(
        "Latest day",
        "Spend, own keys included, on the latest completed UTC day, shown in 'Day shown'. Below: compared with the day "
        "before or, until Prometheus has that, with the mean of 7 days.",
        DOLLARS,
        NOTHING,
    )
    day = _completed(DAY)
    before = ("vs day before", grown(day, offset(day, "1d")))
    mean = ("vs 7-day mean", grown(day, f"({_completed(WEEK)} / 7)"))
    return changing(about, Query(f"sum({day})", "latest day"), before, mean).decimals(2)


def _week() -> AnyPanel:
    about = About(
        "7 days",
        "Spend, own keys included, over the 7 UTC days that end with the latest completed one. Below: compared with "
        "the 7 days before or, until Prometheus has those, with the mean of 30 days.",
        DOLLARS,
        NOTHING,
    )
    week = _completed(WEEK)
    before = ("vs week before", grown(week, offset(week, "7d")))
    mean = ("vs 30-day mean", grown(week, f"({_completed(MONTH)} * 7 / 30)"))
    return changing(about, Query(f"sum({week})", "7 days"), before, mean).decimals(2)


def _month() -> AnyPanel:
    about = About(
        "30 days",
        "Spend, own keys included, over the 30 UTC days that end with the latest completed one.",
        DOLLARS,
        NOTHING,
    )
    return figure(about, usage(SPEND, window=MONTH)).decimals(2)


def _own_keys() -> AnyPanel:
    about = About(
        "Own provider keys",
        "Part of the spend in the chosen window that providers charge to own keys (BYOK).",
        DOLLARS,
        NOTHING,
    )
    return figure(about, Query(usage("byok_usage_usd"), "BYOK")).decimals(2)


def _missing_in_totals() -> AnyPanel:
    about = About(
        "Missing in totals",
        "API rows that the totals lack, because they were rejected or have no amount. Exporter health shows the "
        "collector, the log has examples.",
        "suffix: rows",
        NO_EXPORTER,
    )
    missing = f"sum({once('openrouter_collector_rows_rejected', 'account, collector')})"
    panel = figure(about, missing).decimals(0).mappings(words(("0", "nothing", GREEN)))
    return panel.thresholds(thresholds((1, YELLOW), base="text"))


def _polls() -> AnyPanel:
    about = About(
        "Polls",
        "Whether the last polls of all collectors of the selected accounts succeeded.",
        "none",
        f"{NO_EXPORTER} Is the target up?",
    )
    state = words(("0", "failing", RED), ("1", "working", GREEN))
    panel = figure(about, f"min({once('openrouter_up', 'account')})").mappings(state)
    return panel.data_links([link("Exporter health", HEALTH)])
