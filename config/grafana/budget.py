"""What is left, what today costs, and which key runs into its limit."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import keys
from config.grafana.frame import finished, frame
from config.grafana.panels import GREEN, RED, YELLOW, About, Query, figure, graph, stacked, thresholds
from config.grafana.queries import ACCOUNT, SPEND, largest_at_end, once, projected, usage

MODELS = 12
NO_CREDITS = "No balance: is the collector credits enabled, and the key a management key?"
NO_TODAY = "Nothing of today: is the collector today enabled, and has it polled since midnight UTC?"
NO_BUDGET = "No budget: see `budgets` in the exporter's configuration."
NO_WEEK = "No 7-day mean: the window 7d must be among collectors.activity.windows."

_TODAY = f'{{__name__=~"openrouter_today_{SPEND}", {ACCOUNT}}}'
_MONTH = "activity_month_to_date"


def budget() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-budget",
        "OpenRouter / Budget and keys",
        "How much credit is left and for how long, what today costs, the month against its budget, and every key.",
        since="now-7d",
        refresh="1m",
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
    """Return which part of the day is over, by the exporter's day."""
    return f"clamp((time() - {once('openrouter_today_timestamp_seconds', 'account')}) / 86400, 0, 1)"


def _so_far(offset: str = "") -> str:
    return f"sum(max by (account) (sum without (model, provider) ({_TODAY}{offset})))"


def _burn() -> str:
    """Return credits a day: the 7-day mean, or today so far and an ordinary rest of the day if that is more."""
    today = f"max by (account) (sum without (model, provider) (openrouter_today_usage_usd{{{ACCOUNT}}}))"
    mean = f"({_week('usage_usd')})"
    expected = f"({today} + on (account) {mean} * on (account) (1 - {_elapsed()}))"
    return f"(({expected} > on (account) {mean}) or on (account) {mean})"


def _credit(builder: Builder) -> None:
    balance = once("openrouter_credits_balance_usd", "account")
    builder.with_row(Row("Credit"))
    about = About(
        title="Credit left",
        description="Credits bought less credits used, of the chosen accounts together; it can be negative.",
        unit="currencyUSD",
        empty=NO_CREDITS,
    )
    colours = thresholds((0.01, "text"), base=RED)
    builder.with_panel(figure(about, Query(f"sum({balance})", "Credit left")).thresholds(colours))
    about = About(
        title="It lasts for",
        description="The credit by the present burn: the account whose credit is used up first. "
        "Yellow and red: a week and two days; alerts go by thresholds.credits_left.",
        unit="s",
        empty="Unknown: no balance, or nothing was spent in 7 days.",
    )
    left = f"min(86400 * clamp_min({balance}, 0) / on (account) ({_burn()} > 0))"
    colours = thresholds((2 * 86400, YELLOW), (7 * 86400, GREEN), base=RED)
    builder.with_panel(figure(about, Query(left, "It lasts for")).thresholds(colours))
    about = About(
        title="Burn per day",
        description="Credits used per day: the 7-day mean or, if more, today so far and an ordinary rest of it.",
        unit="currencyUSD",
        empty=NO_WEEK,
    )
    builder.with_panel(figure(about, Query(f"sum({_burn()})", "Burn per day")))
    about = About(
        title="Credit over time",
        description="Credit left per account, and the floor below which an alert fires (thresholds.credits_floor_usd). "
        "A jump upwards is a purchase.",
        unit="currencyUSD",
        empty=NO_CREDITS,
    )
    floor = once("openrouter_threshold_credits_floor_usd", "account")
    queries_ = (Query(balance, "{{account}}"), Query(floor, "{{account}}: floor"))
    builder.with_panel(graph(about, *queries_, height=4).interval("5m"))


def _today(builder: Builder) -> None:
    builder.with_row(Row("Today so far"))
    about = About(
        title="Spent today",
        description="Since midnight UTC: credits and own keys. OpenRouter books a request some minutes later.",
        unit="currencyUSD",
        empty=NO_TODAY,
    )
    builder.with_panel(figure(about, Query(_so_far(), "Today")))
    about = About(
        title="Against a usual day",
        description="Today so far by the even share of the 7-day mean at this hour: 1 is usual. The alert takes "
        "the same hour of the days before, where Prometheus has seen them.",
        unit="none",
        empty=f"{NO_TODAY} {NO_WEEK}",
    )
    usual = f"({_week(SPEND)}) * on (account) {_elapsed()}"
    colours = thresholds((1.5, YELLOW), (2, RED), base="text")
    ratio = Query(f"{_so_far()} / (sum({usual}) > 0)", "Against a usual day")
    builder.with_panel(figure(about, ratio).decimals(2).thresholds(colours))
    about = About(
        title="A usual day",
        description="The mean of the 7 UTC days that end with the latest completed one: credits and own keys.",
        unit="currencyUSD",
        empty=NO_WEEK,
    )
    builder.with_panel(figure(about, Query(f"sum({_week(SPEND)})", "A usual day")))
    about = About(
        title="Today and days before",
        description="Spend since midnight UTC, against the same hour of yesterday and of a week ago, and a usual day's "
        "even share. The fall to 0 is midnight.",
        unit="currencyUSD",
        empty=NO_TODAY,
    )
    lines = (
        Query(_so_far(), "today"),
        Query(_so_far(" offset 1d"), "a day before"),
        Query(_so_far(" offset 7d"), "a week before"),
        Query(f"sum({usual})", "usual"),
    )
    builder.with_panel(graph(about, *lines, height=8).interval("5m"))
    about = About(
        title="Today by model",
        description=f"Spend since midnight UTC of the {MODELS} models that cost most today. The legend has today's "
        "spend; lines fall to 0 at midnight.",
        unit="currencyUSD",
        empty=NO_TODAY,
    )
    by_model = f"sum by (model) (max by (account, model) (sum without (provider) ({_TODAY})))"
    builder.with_panel(
        stacked(about, Query(largest_at_end(by_model, _TODAY, "model", MODELS), "{{model}}")).interval("5m")
    )


def _month(builder: Builder) -> None:
    builder.with_row(Row("The month and its budget"))
    colours = thresholds((0.8, YELLOW), (1, RED), base="text")
    spent, limit, start, end = (
        once(f"openrouter_budget_{name}", "account, budget, period")
        for name in ("spent_usd", "limit_usd", "period_start_timestamp_seconds", "period_end_timestamp_seconds")
    )
    ratio = f"{spent} / ({limit} > 0)"
    for title, what, text in (
        ("Budget used", ratio, "Spent in the budget's period, today included, by its limit"),
        (
            "Budget projected",
            f"{ratio} * ({end} - {start}) / (time() - {start} > 0)",
            "Spend at the end of the period if it goes on like this, by the limit",
        ),
    ):
        about = About(
            title=title,
            description=f"{text}: the budget that is nearest to its limit or furthest beyond it.",
            unit="percentunit",
            empty=NO_BUDGET,
        )
        builder.with_panel(figure(about, Query(f"max({what})", title), height=8).thresholds(colours))
    month = usage(SPEND, "account", window=_MONTH)
    about = About(
        title="Month and projection",
        description="Month to date of completed days, and what it comes to if it goes on like this, per account. "
        "A projection says little before the third day; on the first it is still the month before.",
        unit="currencyUSD",
        empty="No month to date: the window month_to_date must be among collectors.activity.windows.",
    )
    lines = (
        Query(month, "{{account}}: month to date"),
        Query(projected(), "{{account}}: projected"),
    )
    builder.with_panel(graph(about, *lines, width=16).interval("30m"))
