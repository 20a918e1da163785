"""The dashboard Overview: what an account spends."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import queries
from config.grafana.frame import finished, frame, windows
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LEGEND,
    NARROW_LEGEND,
    RED,
    YELLOW,
    About,
    Query,
    completeness,
    days,
    figure,
    graph,
    ranking,
    thresholds,
    words,
)
from config.grafana.tables import Column, joined

NOTHING = "No usage yet: is openrouter_up 1, and does the time range reach the present?"
NO_BAR = "No completed day in this time range: choose at least the last 2 days."
BAR_OF_DAY = "Each bar is at its UTC day, with the last known value. Yesterday's bar appears at about 01:00 UTC."
ENDPOINT = "account, model, provider, endpoint_id"
TOP = 8
DETAIL = (
    "/d/openrouter-endpoint/openrouter-endpoint-detail?var-model=${__data.fields.Model:percentencode}"
    "&${datasource:queryparam}&${account:queryparam}&${window:queryparam}&${__url_time_range}"
)


def overview() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-overview",
        "OpenRouter / Overview",
        "Spend by day, model, provider and endpoint, up to the latest completed UTC day.",
    ).with_variable(windows())
    _spend(builder)
    _freshness(builder)
    _by_day(builder)
    _endpoints(builder)
    _efficiency(builder)
    return finished(builder)


def _spend(builder: Builder) -> None:
    builder.with_row(Row("Spend"))
    for title, window, text in (
        ("Latest day", "activity", "on the latest completed UTC day, shown in 'Day shown'"),
        ("7 days", "activity_7d", "over the 7 UTC days that end with the latest completed one"),
        ("30 days", "activity_30d", "over the 30 UTC days that end with the latest completed one"),
        ("Month to date", "activity_month_to_date", "from the first of the month to the latest completed UTC day"),
    ):
        about = About(
            title=title,
            description=f"Spend {text}: OpenRouter credits plus what providers charge to own keys.",
            unit=DOLLARS,
            empty=NOTHING,
        )
        builder.with_panel(figure(about, Query(queries.usage(queries.SPEND, window=window), title)).decimals(2))
    about = About(
        title="Month projected",
        description="Spend of the whole month if its remaining days cost as much as its completed days on average. "
        "On the first of a month it is that of the previous month.",
        unit=DOLLARS,
        empty="No projection: the window month_to_date must be among collectors.activity.windows.",
    )
    builder.with_panel(figure(about, Query(f"sum({queries.projected()})", "Projected")).decimals(2))
    about = About(
        title="Own provider keys",
        description="Part of the spend in the chosen window that providers charge to own keys (BYOK).",
        unit=DOLLARS,
        empty=NOTHING,
    )
    builder.with_panel(figure(about, Query(queries.usage("byok_usage_usd"), "BYOK")).decimals(2))


def _freshness(builder: Builder) -> None:
    builder.with_row(Row("Freshness"))
    day = queries.day()
    about = About(
        title="Day shown",
        description="The latest completed UTC day, called 'latest day' here. The oldest of the chosen accounts.",
        unit="time:ddd YYYY-MM-DD",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    builder.with_panel(figure(about, Query(f"min({day}) * 1000", "Day")))
    about = About(
        title="Age of the data",
        description="Time since the day shown began. Between 24 h and 51 h is normal: a day is 24 h long, and the next "
        "one appears half an hour to three hours after midnight UTC.",
        unit="suffix: h",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    limits = thresholds((51, YELLOW), (54, RED))
    query = Query(f"(time() - min({day})) / 3600", "Age")
    builder.with_panel(figure(about, query).decimals(0).thresholds(limits))
    about = About(
        title="Last success",
        description="When the last successful poll began, of the collector that succeeded longest ago.",
        unit="dateTimeFromNow",
        empty="No poll has succeeded; see Exporter health.",
        short="never",
    )
    success = queries.once("openrouter_collector_last_success_timestamp_seconds", "account, collector")
    builder.with_panel(figure(about, Query(f"min({success} > 0) * 1000", "Last success")))
    about = About(
        title="Polls",
        description="Whether the last poll of every collector of every chosen account succeeded.",
        unit="none",
        empty="No exporter: Prometheus has scraped none of these accounts. Is the target up?",
    )
    state = words(("0", "failing", RED), ("1", "working", GREEN))
    panel = figure(about, Query(f"min({queries.once('openrouter_up', 'account')})", "Polls"))
    builder.with_panel(panel.mappings(state))
    about = About(
        title="Firing alerts",
        description="Number of alerts that fire now, for the chosen accounts or for the exporter as a whole.",
        unit="none",
        empty="No alert fires, or the rules are not loaded.",
        short="none",
    )
    alerts = 'ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"}'
    panel = figure(about, Query(f"count({alerts})", "Firing alerts"))
    builder.with_panel(panel.thresholds(thresholds((1, RED), base="text")))
    builder.with_panel(completeness())


def _by_day(builder: Builder) -> None:
    builder.with_row(Row("By day"))
    whole = queries.daily(queries.usage(queries.SPEND, window=queries.DAY))
    for label in ("model", "provider"):
        daily = queries.daily(queries.usage(queries.SPEND, label, window=queries.DAY))
        parts = f"{daily} and on ({label}) {queries.leading(label, TOP)}"
        about = About(
            title=f"Spend by {label}",
            description=f"Spend per UTC day, own keys included: the {TOP} {label}s with most spend in 30 days, and all "
            f"others as one. {BAR_OF_DAY}",
            unit=DOLLARS,
            empty=NO_BAR,
        )
        rest = Query(queries.remainder(whole, parts), "all others")
        builder.with_panel(days(about, Query(parts, f"{{{{{label}}}}}"), rest, width=24, aside=LEGEND))


def _endpoints(builder: Builder) -> None:
    builder.with_row(Row("Top endpoints: ${window:text}"))
    spend = queries.usage(queries.SPEND, ENDPOINT)
    top = f"topk(100, {spend})"

    def also(expression: str) -> str:
        return f"{expression} and on ({ENDPOINT}) {top}"

    about = About(
        title="Endpoints by spend",
        description="The 100 endpoints with most spend in the chosen window, one row each. 'other' sums the endpoints "
        "that the exporter folded. A click on a model opens its detail.",
        unit="short",
        empty="No endpoint with use in this window, or the window isn't among collectors.activity.windows.",
    )
    share = f"{spend} / on () group_left () ({queries.usage(queries.SPEND)} > 0)"
    columns = (
        Column("Spend", top, DOLLARS, 110, {"decimals": 2}),
        Column("Share", also(share), "percentunit", 90, {"decimals": 1}),
        Column("of it own keys", also(queries.usage("byok_usage_usd", ENDPOINT)), DOLLARS, 130, {"decimals": 2}),
        Column("Requests", also(queries.usage("requests", ENDPOINT)), "locale", 110),
        Column("Prompt tokens", also(queries.usage("prompt_tokens", ENDPOINT)), "short", 130),
        Column("Completion tokens", also(queries.usage("completion_tokens", ENDPOINT)), "short", 155),
        Column("USD per 1M tokens", also(queries.price(ENDPOINT)), "currencyUSD", 155),
        Column(
            "Cache hits",
            also(queries.share("cached_tokens", "prompt_tokens", ENDPOINT)),
            "percentunit",
            105,
            {"decimals": 1},
        ),
    )
    names = {
        "account": ("Account", 130),
        "model": ("Model", 275),
        "provider": ("Provider", 150),
        "endpoint_id": ("", 0),
    }
    builder.with_panel(joined(about, names, columns, link=("Model", "Show ${__value.text}", DETAIL)))


def _efficiency(builder: Builder) -> None:
    builder.with_row(Row("Tokens and prices"))
    kinds = {"prompt": "Prompt", "completion": "Completion", "cached": "Cached", "reasoning": "Reasoning"}
    about = About(
        title="Tokens by kind",
        description="Tokens per UTC day. Cached tokens are part of prompt tokens, reasoning mostly of completion "
        f"tokens. {BAR_OF_DAY}",
        unit="short",
        empty=NO_BAR,
    )
    daily = (
        Query(queries.daily(queries.usage(f"{kind}_tokens", window=queries.DAY)), title)
        for kind, title in kinds.items()
    )
    builder.with_panel(graph(about, *daily, height=10, aside=NARROW_LEGEND).interval("1d"))
    about = About(
        title="Price by model (${window:text})",
        description="US dollars per million prompt and completion tokens, own keys included: the "
        f"{TOP} models with the highest price.",
        unit="currencyUSD",
        empty="No model with tokens in this window.",
    )
    builder.with_panel(ranking(about, Query(queries.largest(queries.price("model"), TOP), "{{model}}"), height=10))
    about = About(
        title="Effective price",
        description="US dollars per million prompt and completion tokens, own keys included, per UTC day. "
        f"{BAR_OF_DAY}",
        unit="currencyUSD",
        empty=NO_BAR,
    )
    query = Query(queries.daily(queries.price(window=queries.DAY)), "USD per 1M tokens")
    builder.with_panel(graph(about, query).interval("1d"))
    about = About(
        title="Cache hits",
        description="Share of prompt tokens read from a cache, per UTC day. Some providers report more than 100 %. "
        f"{BAR_OF_DAY}",
        unit="percentunit",
        empty="No cached tokens are reported, or no completed day is in this time range.",
    )
    query = Query(queries.daily(queries.share("cached_tokens", "prompt_tokens", window=queries.DAY)), "Cache hits")
    builder.with_panel(graph(about, query).interval("1d"))
