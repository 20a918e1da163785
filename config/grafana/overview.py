"""The dashboard Overview: what an account spends."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import figures, months
from config.grafana.figures import NOTHING
from config.grafana.frame import finished, folded, frame, row, windows
from config.grafana.panels import (
    DOLLARS,
    LEGEND,
    NARROW_LEGEND,
    RED,
    TOKEN_COLOURS,
    YELLOW,
    About,
    AnyPanel,
    Query,
    colour,
    days,
    figure,
    graph,
    ranking,
    stacked,
    thresholds,
)
from config.grafana.queries import (
    DAY,
    DAY_SHOWN,
    MONTH,
    SPEND,
    WEEK,
    daily,
    largest,
    leading,
    once,
    price,
    ratio,
    remainder,
    share,
    share_of_total,
    usage,
)
from config.grafana.tables import Column, dollars, joined, percent

NO_BAR = "No completed day in this time range: choose at least the last 2 days."
NO_DAY = "No day yet: the first poll has not succeeded; see Exporter health."
BAR_OF_DAY = (
    "Each bar is at its UTC day, with the last known value. Yesterday's bar appears at about 01:00 UTC. Days "
    "before the exporter was started are there if `openrouter-exporter export` has imported them."
)
TOP = 8


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-overview",
            "OpenRouter / Overview",
            "Spend by day, model, provider and endpoint, up to the latest completed UTC day.",
            windows(),
        ),
        figures.now(),
        *months.rows(),
        row("By day", _spend_by_day("model"), _spend_by_day("provider")),
        figures.completed_days(),
        row("What changed", _changed_most()),
        row("Top endpoints: ${window:text}", _endpoints()),
        row("Tokens and prices", _tokens(), _price_by_model(), _effective_price(), _cache_hits()),
        folded("A year", _year()),
        folded("Freshness", _day_shown(), _age(), _last_success()),
    )


def by_day(title: str, text: str, unit: str, empty: str = NO_BAR) -> About:
    """Return the texts of a panel with a value per UTC day."""
    return About(title, f"{text} {BAR_OF_DAY}", unit, empty)


def _spend_by_day(label: str) -> AnyPanel:
    text = (
        f"Spend per UTC day, own keys included: the {TOP} {label}s with most spend in 30 days, and all others as one."
    )
    whole, by_label = (daily(usage(SPEND, by, window=DAY)) for by in ("", label))
    parts = f"{by_label} and on ({label}) {leading(label, TOP)}"
    rest = Query(remainder(whole, parts), "all others")
    about = by_day(f"Spend by {label}", text, DOLLARS)
    return days(about, Query(parts, "{{" + label + "}}"), rest, width=24, aside=LEGEND)


def _changed_most() -> AnyPanel:
    about = About(
        "Models whose spend changed most",
        "Spend in the latest 7 completed UTC days compared with an average week of the 23 days before; the 20 largest "
        "changes.",
        DOLLARS,
        f"{NOTHING} The windows 7d and 30d must be among collectors.activity.windows.",
    )
    month = usage(SPEND, "model", window=MONTH)
    week = f"({usage(SPEND, 'model', window=WEEK)} or {month} * 0)"
    before = f"(({month} - {week}) * 7 / 23)"

    def of_largest(expression: str) -> str:
        return f"{expression} and on (model) {largest(f'abs({week} - {before})', 20)}"

    columns = (
        dollars("Change", of_largest(f"{week} - {before}"), 130),
        dollars("7 days", of_largest(week), 130),
        dollars("Week before", of_largest(before), 140),
        percent("Change by", of_largest(f"{ratio(week, before)} - 1"), 120, decimals=0),
    )
    return joined(about, {"model": ("Model", 400)}, columns)


def _endpoints() -> AnyPanel:
    about = About(
        "Endpoints by spend",
        "The 100 endpoints with most spend in the chosen window, one row each. 'other' sums the endpoints that the "
        "exporter folded. Prompt and completion are tokens, Per 1M is spend per million of both; Cached is the share "
        "of prompt tokens that came from a cache.",
        "short",
        "No endpoint with use in this window, or the window isn't among collectors.activity.windows.",
    )
    names = {
        "account": ("Account", 120),
        "model": ("Model", 245),
        "provider": ("Provider", 140),
        "endpoint_id": ("", 0),
    }
    by = ", ".join(names)
    spend = usage(SPEND, by)
    top = largest(spend, 100)

    def of_top(expression: str) -> str:
        return f"{expression} and on ({by}) {top}"

    columns = (
        dollars("Spend", top, 95),
        percent("Share", of_top(share_of_total(spend, usage(SPEND))), 75),
        dollars("Own keys", of_top(usage("byok_usage_usd", by)), 90),
        Column("Requests", of_top(usage("requests", by)), "locale", 95),
        Column("Prompt", of_top(usage("prompt_tokens", by)), "short", 90),
        Column("Completion", of_top(usage("completion_tokens", by)), "short", 105),
        Column("Per 1M", of_top(price(by)), "currencyUSD", 85),
        percent("Cached", of_top(share("cached_tokens", "prompt_tokens", by)), 85),
    )
    return joined(about, names, columns)


def _tokens() -> AnyPanel:
    text = "Tokens per UTC day. Cached tokens are part of prompt tokens, reasoning mostly of completion tokens."
    kinds = ("prompt", "completion", "cached", "reasoning")
    tokens = (Query(daily(usage(f"{kind}_tokens", window=DAY)), kind.capitalize()) for kind in kinds)
    panel = graph(by_day("Tokens by kind", text, "short"), *tokens, height=10, aside=NARROW_LEGEND)
    return colour(panel, TOKEN_COLOURS).interval("1d")


def _price_by_model() -> AnyPanel:
    about = About(
        "Price by model (${window:text})",
        f"US dollars per million prompt and completion tokens, own keys included: the {TOP} models with the highest "
        "price.",
        "currencyUSD",
        "No model with tokens in this window.",
    )
    return ranking(about, Query(largest(price("model"), TOP), "{{model}}"), height=10)


def _effective_price() -> AnyPanel:
    text = "US dollars per million prompt and completion tokens, own keys included, per UTC day."
    return graph(
        by_day("Effective price", text, "currencyUSD"), Query(daily(price(window=DAY)), "USD per 1M tokens")
    ).interval("1d")


def _cache_hits() -> AnyPanel:
    text = "Share of prompt tokens read from a cache, per UTC day. Some providers report more than 100 %."
    empty = "No cached tokens are reported, or no completed day is in this time range."
    hits = daily(share("cached_tokens", "prompt_tokens", window=DAY))
    return graph(by_day("Cache hits", text, "percentunit", empty), Query(hits, "Cache hits")).interval("1d")


def _year() -> AnyPanel:
    about = About(
        "A year by model",
        "Spend over 30 days, as Prometheus has collected it or `openrouter-exporter export` has imported it: the "
        f"{TOP} largest models now.",
        DOLLARS,
        "No spend over 30 days in the last hour: is 30d among collectors.activity.windows?",
    )
    recorded = once("account_model:openrouter_activity_30d_spend_usd:sum", "account, model")
    spend = f"sum by (model) ({recorded} or {usage(SPEND, 'account, model', window=MONTH)})"
    # The last hour of the range may end before the exporter's first poll.
    largest_now = largest(f"max_over_time(({spend})[1d:15m] @ end() offset -1h)", TOP)
    return stacked(about, Query(f"{spend} and on (model) {largest_now}", "{{model}}")).time_from("1y").interval("1h")


def _day_shown() -> AnyPanel:
    about = About(
        "Day shown",
        "The latest completed UTC day, called 'latest day' here. The oldest of the chosen accounts.",
        "time:ddd YYYY-MM-DD",
        NO_DAY,
    )
    return figure(about, Query(f"min({_day()}) * 1000", "Day"), width=8)


def _age() -> AnyPanel:
    about = About(
        "Age of the data",
        "Time since the day shown began. Between 24 h and 51 h is normal: a day is 24 h long, and the next one appears "
        "half an hour to three hours after midnight UTC.",
        "suffix: h",
        NO_DAY,
    )
    age = Query(f"(time() - min({_day()})) / 3600", "Age")
    return figure(about, age, width=8).decimals(0).thresholds(thresholds((51, YELLOW), (54, RED)))


def _last_success() -> AnyPanel:
    about = About(
        "Last success",
        "When the last successful poll began, of the collector that succeeded longest ago.",
        "dateTimeFromNow",
        "No poll has succeeded; see Exporter health.",
        "never",
    )
    success = once("openrouter_collector_last_success_timestamp_seconds", "account, collector")
    return figure(about, f"min({success} > 0) * 1000", width=8)


def _day() -> str:
    """Return the start of the latest completed day, per account."""
    return f"max by (account) ({DAY_SHOWN})"
