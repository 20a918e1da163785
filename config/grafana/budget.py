"""The dashboard Budget and keys: remaining credit, today, the month's budget, and keys near their limit."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import keys
from config.grafana.frame import finished, frame, labels
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    NARROW_LEGEND,
    RED,
    UNKNOWN,
    YELLOW,
    About,
    Query,
    colour,
    figure,
    graph,
    stacked,
    thresholds,
)
from config.grafana.queries import ACCOUNT, SPEND, largest_at_end, named_as_completed_days, once, projected, usage
from config.grafana.tables import CENTS, Column, joined

MODELS = 8
NO_CREDITS = "No balance: is the collector credits enabled, and the key a management key?"
NO_TODAY = "No usage today: is the collector today enabled, and has it polled since midnight UTC?"
NO_BUDGET = "No budget: see `budgets` in the exporter's configuration."
NO_WEEK = "No 7-day mean: the window 7d must be among collectors.activity.windows."

_TODAY = f'{{__name__=~"openrouter_today_{SPEND}", {ACCOUNT}}}'
_MONTH = "activity_month_to_date"
BALANCE = once("openrouter_credits_balance_usd", "account")


def budget() -> Dashboard:
    """Return the dashboard."""
    known = f"openrouter_key_info{{{ACCOUNT}}}"
    builder = (
        frame(
            "openrouter-budget",
            "OpenRouter / Budget and keys",
            "Remaining credit and how long it lasts, spend today, the month against its budget, and every key.",
            since="now-7d",
            refresh="1m",
        )
        .with_variable(labels("workspace", "Workspace", known))
        .with_variable(labels("name", "Key", known, name="key"))
    )
    _credit(builder)
    _today(builder)
    _month(builder)
    keys.rows(builder)
    return finished(builder)


def _week(measure: str) -> str:
    """Return the mean of the 7 days that end with the latest completed one, per account."""
    return f"{usage(measure, 'account', window='activity_7d')} / 7"


def _elapsed() -> str:
    """Return the elapsed share of the exporter's day."""
    return f"clamp((time() - {once('openrouter_today_timestamp_seconds', 'account')}) / 86400, 0, 1)"


def _so_far(offset: str = "") -> str:
    return f"sum(max by (account) (sum without (model, provider) ({_TODAY}{offset})))"


def _burn() -> str:
    """Return credits used per day: the 7-day mean, or today's expected total if that is higher."""
    today = f"max by (account) (sum without (model, provider) (openrouter_today_usage_usd{{{ACCOUNT}}}))"
    mean = f"({_week('usage_usd')})"
    expected = f"({today} + on (account) {mean} * on (account) (1 - {_elapsed()}))"
    return f"(({expected} > on (account) {mean}) or on (account) {mean})"


def credit_lasts_for(height: int) -> stat.Panel:
    """Return the figure of the days until credit runs out, as the alert computes them."""
    about = About(
        title="Credit lasts for",
        description="Credit divided by credits used per day, the 7-day mean or what today comes to if that is higher, "
        "of the account whose credit runs out first. Yellow below a week, red below two days. The alert uses "
        "thresholds.credits_left.",
        unit="suffix: days",
        empty="No balance, or nothing was spent in 7 days.",
        short="unknown",
    )
    left = f"min(clamp_min({BALANCE}, 0) / on (account) ({_burn()} > 0))"
    colours = thresholds((2, YELLOW), (7, GREEN), base=RED)
    return figure(about, Query(left, "Credit lasts for"), height=height).decimals(1).thresholds(colours)


def _credit(builder: Builder) -> None:
    builder.with_row(Row("Credit"))
    about = About(
        title="Credit left",
        description="Credits bought minus credits used, of all chosen accounts. Can be negative.",
        unit=DOLLARS,
        empty=NO_CREDITS,
    )
    colours = thresholds((0.01, "text"), base=RED)
    panel = figure(about, Query(f"sum({BALANCE})", "Credit left"), height=8)
    builder.with_panel(panel.decimals(2).thresholds(colours))
    builder.with_panel(credit_lasts_for(height=8))
    about = About(
        title="Credits per day",
        description="Credits used per day: the 7-day mean, or today so far plus the 7-day mean for the rest of the "
        "day, whichever is higher.",
        unit=DOLLARS,
        empty=NO_WEEK,
    )
    builder.with_panel(figure(about, Query(f"sum({_burn()})", "Credits per day"), height=8).decimals(2))
    about = About(
        title="Credit over time",
        description="Credit left per account, and the floor below which an alert fires (thresholds.credits_floor_usd). "
        "A rise is a purchase.",
        unit=DOLLARS,
        empty=NO_CREDITS,
    )
    floor = once("openrouter_threshold_credits_floor_usd", "account")
    queries_ = (Query(BALANCE, "{{account}}"), Query(floor, "{{account}}: floor"))
    builder.with_panel(graph(about, *queries_, aside=NARROW_LEGEND).interval("5m"))


def _today(builder: Builder) -> None:
    builder.with_row(Row("Today so far"))
    about = About(
        title="Spent today",
        description="Spend since midnight UTC: credits and own keys. OpenRouter reports a request some minutes later.",
        unit=DOLLARS,
        empty=NO_TODAY,
    )
    builder.with_panel(figure(about, Query(_so_far(), "Today"), height=8).decimals(2))
    about = About(
        title="Today vs usual",
        description="Today so far as a share of the 7-day mean spread evenly over the day: 100 % is usual. The alert "
        "compares with the same hour of previous days, where Prometheus has them.",
        unit="percentunit",
        empty=f"{NO_TODAY} {NO_WEEK}",
    )
    usual = f"({_week(SPEND)}) * on (account) {_elapsed()}"
    colours = thresholds((1.5, YELLOW), (2, RED), base="text")
    ratio = Query(f"{_so_far()} / (sum({usual}) > 0)", "Today vs usual")
    builder.with_panel(figure(about, ratio, height=8).decimals(0).thresholds(colours))
    about = About(
        title="Usual day",
        description="Mean spend of the 7 UTC days that end with the latest completed one: credits and own keys.",
        unit=DOLLARS,
        empty=NO_WEEK,
    )
    builder.with_panel(figure(about, Query(f"sum({_week(SPEND)})", "Usual day"), height=8).decimals(2))
    about = About(
        title="Today and previous days",
        description="Spend since midnight UTC, of the day before and a week before at the same hour, and the 7-day "
        "mean spread evenly over the day. Lines fall to 0 at midnight.",
        unit=DOLLARS,
        empty=NO_TODAY,
    )
    lines = (
        Query(_so_far(), "today"),
        Query(_so_far(" offset 1d"), "a day before"),
        Query(_so_far(" offset 7d"), "a week before"),
        Query(f"sum({usual})", "usual"),
    )
    fixed = {"today": "blue", "a day before": "orange", "a week before": "purple", "usual": UNKNOWN}
    builder.with_panel(colour(graph(about, *lines, aside=250), fixed).interval("5m"))
    about = About(
        title="Today by model",
        description=f"Spend since midnight UTC of the {MODELS} models that cost most today. The legend has today's "
        "spend. Lines fall to 0 at midnight.",
        unit=DOLLARS,
        empty=NO_TODAY,
    )
    by_dated_name = f"sum by (model) (max by (account, model) (sum without (provider) ({_TODAY})))"
    largest = largest_at_end(named_as_completed_days(by_dated_name, "model"), "model", MODELS)
    builder.with_panel(stacked(about, Query(largest, "{{model}}")).interval("5m"))


def _month(builder: Builder) -> None:
    builder.with_row(Row("The month and its budget"))
    colours = thresholds((0.8, YELLOW), (1, RED), base="text")
    spent, expected, limit, start, end = (
        once(f"openrouter_budget_{name}", "account, budget, period")
        for name in (
            "spent_usd",
            "expected_spent_usd",
            "limit_usd",
            "period_start_timestamp_seconds",
            "period_end_timestamp_seconds",
        )
    )
    ratio = f"{spent} / ({limit} > 0)"
    for title, what, text in (
        ("Budget used", ratio, "Spend in the budget's period, today included, as a share of its limit"),
        (
            "Budget projected",
            f"({expected} or {spent} * ({end} - {start}) / (time() - {start} > 0)) / ({limit} > 0)",
            "Projected spend of the budget's period, as a share of its limit",
        ),
    ):
        about = About(
            title=title,
            description=f"{text}. The budget with the highest share.",
            unit="percentunit",
            empty=NO_BUDGET,
            short="no budget",
        )
        panel = figure(about, Query(f"max({what})", title), height=8)
        builder.with_panel(panel.decimals(0).thresholds(colours))
    month = usage(SPEND, "account", window=_MONTH)
    about = About(
        title="Month and projection",
        description="Month to date of completed days, and projected spend of the whole month, per account. Each "
        "remaining day counts with the mean of its weekday over the last four weeks; in an account's first four weeks, "
        "with the mean of the month's completed days.",
        unit=DOLLARS,
        empty="No month to date: the window month_to_date must be among collectors.activity.windows.",
    )
    lines = (
        Query(month, "{{account}}: month to date"),
        Query(projected(), "{{account}}: projected"),
    )
    builder.with_panel(graph(about, *lines, width=16, aside=NARROW_LEGEND).interval("30m"))
    _budgets(
        builder,
        Column("Projected", f"{expected} or {spent} * ({end} - {start}) / (time() - {start} > 0)", DOLLARS, more=CENTS),
    )
    _periods(builder)


def _budgets(builder: Builder, projected_spend: Column) -> None:
    by = "account, budget, period"
    spent, limit = (once(f"openrouter_budget_{name}_usd", by) for name in ("spent", "limit"))
    about = About(
        title="All budgets",
        description="Spend in the current period of each budget, today included. Empty cells: the API does not report "
        "what is spent. A month is projected by its weekdays, other periods at the rate so far.",
        unit=DOLLARS,
        empty=NO_BUDGET,
    )
    labels = {"account": ("Account", 130), "budget": ("Budget", 260), "period": ("Period", 90)}
    columns = (
        Column("Used", f"{spent} / ({limit} > 0)", "percentunit", 90, {"decimals": 1}),
        Column("Spent", spent, DOLLARS, 120, CENTS),
        Column("Limit", limit, DOLLARS, 120, CENTS),
        Column("Left", once("openrouter_budget_remaining_usd", by), DOLLARS, 120, CENTS),
        projected_spend,
        Column("Previous period", once("openrouter_budget_previous_spent_usd", by), DOLLARS, 140, CENTS),
    )
    builder.with_panel(joined(about, labels, columns, height=9))


def _periods(builder: Builder) -> None:
    about = About(
        title="Spend by period",
        description="Spend by calendar period in UTC, credits and own provider keys, today included. Weeks begin on "
        "Monday.",
        unit=DOLLARS,
        empty="No spend: is the collector spend enabled, and the key a management key?",
    )
    titles = {
        "month": "This month",
        "last_month": "Last month",
        "week": "This week",
        "last_week": "Last week",
        "today": "Today",
        "yesterday": "Yesterday",
    }
    columns = [
        Column(
            title,
            f"max by (account) (sum without (paid_by) (openrouter_spend_{name}_usd{{{ACCOUNT}}}))",
            DOLLARS,
            130,
            CENTS,
        )
        for name, title in titles.items()
    ]
    builder.with_panel(joined(about, {"account": ("Account", 200)}, columns, height=6))
