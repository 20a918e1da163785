"""The dashboard Budget and keys: remaining credit, today, the month's budget, and keys near their limit."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import keys
from config.grafana.frame import finished, frame, labels, row
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LIMIT_COLOURS,
    NARROW_LEGEND,
    RED,
    UNKNOWN,
    YELLOW,
    About,
    AnyPanel,
    Query,
    colour,
    figure,
    graph,
    stacked,
    thresholds,
)
from config.grafana.queries import (
    MONTH_TO_DATE,
    SPEND,
    WEEK,
    budget,
    budget_used,
    largest_at_end,
    named_as_completed_days,
    offset,
    once,
    projected,
    ratio,
    series,
    spent,
    usage,
)
from config.grafana.tables import dollars, joined, percent

MODELS = 8
NO_CREDITS = "No balance: is the collector credits enabled, and the key a management key?"
NO_TODAY = "No usage today: is the collector today enabled, and has it polled since midnight UTC?"
NO_BUDGET = "No budget: see `budgets` in the exporter's configuration."
NO_WEEK = "No 7-day mean: the window 7d must be among collectors.activity.windows."

BALANCE = once("openrouter_credits_balance_usd", "account")


def dashboard() -> Dashboard:
    """Return the dashboard."""
    known = series("openrouter_key_info")
    return finished(
        frame(
            "openrouter-budget",
            "OpenRouter / Budget and keys",
            "Remaining credit and how long it lasts, spend today, the month against its budget, and every key.",
            labels("workspace", "Workspace", known),
            labels("name", "Key", known, name="key"),
            since="now-7d",
            refresh="1m",
        ),
        row("Credit", _credit_left(), credit_lasts_for(height=8), _credits_per_day(), _credit_over_time()),
        row("Today so far", _spent_today(), _today_vs_usual(), _usual_day(), _previous_days(), _today_by_model()),
        row("The month and its budget", *_closest_to_limit(), _month(), _all_budgets(), _periods()),
        *keys.rows(),
    )


def _mean_of_week(measure: str) -> str:
    """Return the mean of the 7 days that end with the latest completed one, per account."""
    return f"{usage(measure, 'account', window=WEEK)} / 7"


def _elapsed() -> str:
    """Return the elapsed share of the exporter's day, per account."""
    return f"clamp((time() - {once('openrouter_today_timestamp_seconds', 'account')}) / 86400, 0, 1)"


def _so_far(measure: str = SPEND) -> str:
    """Return today's use so far, per account."""
    return f"max by (account) (sum without (model, provider) ({series(f'openrouter_today_{measure}')}))"


def _usual_so_far() -> str:
    """Return what is spent by now on a usual day, per account."""
    return f"({_mean_of_week(SPEND)}) * on (account) {_elapsed()}"


def _credits_used_per_day() -> str:
    """Return credits used per day, per account: the 7-day mean, or today's expected total if that is higher."""
    mean = f"({_mean_of_week('usage_usd')})"
    expected = f"({_so_far('usage_usd')} + on (account) {mean} * on (account) (1 - {_elapsed()}))"
    return f"(({expected} > on (account) {mean}) or on (account) {mean})"


def _projected_spend() -> str:
    """Return what each budget's period will cost: by weekdays where the exporter knows, else at the rate so far."""
    start, end = (budget(f"period_{limit}_timestamp_seconds") for limit in ("start", "end"))
    return f"{budget('expected_spent_usd')} or {budget('spent_usd')} * ({end} - {start}) / (time() - {start} > 0)"


def _credit_left() -> AnyPanel:
    about = About(
        "Credit left",
        "Credits bought minus credits used, of all chosen accounts. Can be negative.",
        DOLLARS,
        NO_CREDITS,
    )
    colours = thresholds((0.01, "text"), base=RED)
    return figure(about, f"sum({BALANCE})", height=8).decimals(2).thresholds(colours)


def credit_lasts_for(height: int) -> stat.Panel:
    """Return the figure of the days until credit runs out, as the alert computes them."""
    about = About(
        "Credit lasts for",
        "Credit divided by credits used per day, the 7-day mean or what today comes to if that is higher, of the "
        "account whose credit runs out first. Yellow below a week, red below two days. The alert uses "
        "thresholds.credits_left.",
        "suffix: days",
        "No balance, or nothing was spent in 7 days.",
        "unknown",
    )
    days = ratio(f"clamp_min({BALANCE}, 0)", _credits_used_per_day(), on="account")
    colours = thresholds((2, YELLOW), (7, GREEN), base=RED)
    return figure(about, f"min({days})", height=height).decimals(1).thresholds(colours)


def _credits_per_day() -> AnyPanel:
    about = About(
        "Credits per day",
        "Credits used per day: the 7-day mean, or today so far plus the 7-day mean for the rest of the day, whichever "
        "is higher.",
        DOLLARS,
        NO_WEEK,
    )
    return figure(about, f"sum({_credits_used_per_day()})", height=8).decimals(2)


def _credit_over_time() -> AnyPanel:
    about = About(
        "Credit over time",
        "Credit left per account, and the floor below which an alert fires (thresholds.credits_floor_usd). A rise is a "
        "purchase.",
        DOLLARS,
        NO_CREDITS,
    )
    floor = once("openrouter_threshold_credits_floor_usd", "account")
    lines = (Query(BALANCE, "{{account}}"), Query(floor, "{{account}}: floor"))
    return graph(about, *lines, aside=NARROW_LEGEND).interval("5m")


def _spent_today() -> AnyPanel:
    about = About(
        "Spent today",
        "Spend since midnight UTC: credits and own keys. OpenRouter reports a request some minutes later.",
        DOLLARS,
        NO_TODAY,
    )
    return figure(about, Query(f"sum({_so_far()})", "Today"), height=8).decimals(2)


def _today_vs_usual() -> AnyPanel:
    about = About(
        "Today vs usual",
        "Today so far as a share of the 7-day mean spread evenly over the day: 100 % is usual. The alert compares with "
        "the same hour of previous days, where Prometheus has them.",
        "percentunit",
        f"{NO_TODAY} {NO_WEEK}",
    )
    compared = ratio(f"sum({_so_far()})", f"sum({_usual_so_far()})")
    colours = thresholds((1.5, YELLOW), (2, RED), base="text")
    return figure(about, compared, height=8).decimals(0).thresholds(colours)


def _usual_day() -> AnyPanel:
    about = About(
        "Usual day",
        "Mean spend of the 7 UTC days that end with the latest completed one: credits and own keys.",
        DOLLARS,
        NO_WEEK,
    )
    return figure(about, f"sum({_mean_of_week(SPEND)})", height=8).decimals(2)


def _previous_days() -> AnyPanel:
    about = About(
        "Today and previous days",
        "Spend since midnight UTC, of the day before and a week before at the same hour, and the 7-day mean spread "
        "evenly over the day. Lines fall to 0 at midnight.",
        DOLLARS,
        NO_TODAY,
    )
    lines = {
        "today": _so_far(),
        "a day before": offset(_so_far(), "1d"),
        "a week before": offset(_so_far(), "7d"),
        "usual": _usual_so_far(),
    }
    colours = dict(zip(lines, ("blue", "orange", "purple", UNKNOWN), strict=True))
    queries = (Query(f"sum({expression})", name) for name, expression in lines.items())
    return colour(graph(about, *queries, aside=250), colours).interval("5m")


def _today_by_model() -> AnyPanel:
    about = About(
        "Today by model",
        f"Spend since midnight UTC of the {MODELS} models that cost most today. The legend has today's spend. Lines "
        "fall to 0 at midnight.",
        DOLLARS,
        NO_TODAY,
    )
    today = series(f"openrouter_today_{SPEND}")
    by_dated_name = f"sum by (model) (max by (account, model) (sum without (provider) ({today})))"
    largest = largest_at_end(named_as_completed_days(by_dated_name, "model"), "model", MODELS)
    return stacked(about, Query(largest, "{{model}}")).interval("5m")


def _closest_to_limit() -> Iterator[AnyPanel]:
    for title, expression, text in (
        ("Budget used", budget_used(), "Spend in the budget's period, today included, as a share of its limit"),
        (
            "Budget projected",
            ratio(f"({_projected_spend()})", budget("limit_usd")),
            "Projected spend of the budget's period, as a share of its limit",
        ),
    ):
        about = About(title, f"{text}. The budget with the highest share.", "percentunit", NO_BUDGET, "no budget")
        yield figure(about, f"max({expression})", height=8).decimals(0).thresholds(LIMIT_COLOURS)


def _month() -> AnyPanel:
    about = About(
        "Month and projection",
        "Month to date of completed days, and projected spend of the whole month, per account. Each remaining day "
        "counts with the mean of its weekday over the last four weeks; in an account's first four weeks, with the mean "
        "of the month's completed days.",
        DOLLARS,
        "No month to date: the window month_to_date must be among collectors.activity.windows.",
    )
    month = usage(SPEND, "account", window=MONTH_TO_DATE)
    lines = (Query(month, "{{account}}: month to date"), Query(projected(), "{{account}}: projected"))
    return graph(about, *lines, width=16, aside=NARROW_LEGEND).interval("30m")


def _all_budgets() -> AnyPanel:
    about = About(
        "All budgets",
        "Spend in the current period of each budget, today included. Empty cells: the API does not report what is "
        "spent. A month is projected by its weekdays, other periods at the rate so far.",
        DOLLARS,
        NO_BUDGET,
    )
    columns = (
        percent("Used", budget_used(), 90),
        dollars("Spent", budget("spent_usd"), 120),
        dollars("Limit", budget("limit_usd"), 120),
        dollars("Left", budget("remaining_usd"), 120),
        dollars("Projected", _projected_spend()),
        dollars("Previous period", budget("previous_spent_usd"), 140),
    )
    names = {"account": ("Account", 130), "budget": ("Budget", 260), "period": ("Period", 90)}
    return joined(about, names, columns, height=9)


def _periods() -> AnyPanel:
    about = About(
        "Spend by period",
        "Spend by calendar period in UTC, credits and own provider keys, today included. Weeks begin on Monday.",
        DOLLARS,
        "No spend: is the collector spend enabled, and the key a management key?",
    )
    titles = {
        "month": "This month",
        "last_month": "Last month",
        "week": "This week",
        "last_week": "Last week",
        "today": "Today",
        "yesterday": "Yesterday",
    }
    columns = [dollars(title, spent(period), 130) for period, title in titles.items()]
    return joined(about, {"account": ("Account", 200)}, columns, height=6)
