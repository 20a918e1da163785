"""The dashboard Overview: what an account spends."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.cog.builder import Builder as AnyBuilder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from config.grafana import figures, months, queries
from config.grafana.figures import NOTHING
from config.grafana.frame import finished, folded, frame, windows
from config.grafana.panels import (
    DOLLARS,
    LEGEND,
    NARROW_LEGEND,
    RED,
    TOKEN_COLOURS,
    YELLOW,
    About,
    Query,
    colour,
    days,
    figure,
    graph,
    ranking,
    stacked,
    thresholds,
)
from config.grafana.tables import CENTS, Column, joined

NO_BAR = "No completed day in this time range: choose at least the last 2 days."
BAR_OF_DAY = (
    "Each bar is at its UTC day, with the last known value. Yesterday's bar appears at about 01:00 UTC. Days "
    "before the exporter was started are there if `openrouter-exporter export` has imported them."
)
ENDPOINT = "account, model, provider, endpoint_id"
TOP = 8
ONE_DIGIT = {"decimals": 1}


def overview() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-overview",
        "OpenRouter / Overview",
        "Spend by day, model, provider and endpoint, up to the latest completed UTC day.",
    ).with_variable(windows())
    figures.now(builder)
    months.rows(builder)
    _by_day(builder)
    figures.completed_days(builder)
    _changes(builder)
    _endpoints(builder)
    _efficiency(builder)
    builder.with_row(folded("A year", _year()))
    builder.with_row(folded("Freshness", *_freshness()))
    return finished(builder)


def _changes(builder: Builder) -> None:
    builder.with_row(Row("What changed"))
    month = queries.usage(queries.SPEND, "model", window="activity_30d")
    week = f"({queries.usage(queries.SPEND, 'model', window='activity_7d')} or {month} * 0)"
    before = f"(({month} - {week}) * 7 / 23)"
    about = About(
        title="Models whose spend changed most",
        description="Spend in the latest 7 completed UTC days compared with an average week of the 23 days before; the "
        "20 largest changes.",
        unit=DOLLARS,
        empty=f"{NOTHING} The windows 7d and 30d must be among collectors.activity.windows.",
    )
    largest = f"topk(20, abs({week} - {before}))"
    columns = (
        Column("Change", f"{week} - {before} and on (model) {largest}", DOLLARS, 130, CENTS),
        Column("7 days", f"{week} and on (model) {largest}", DOLLARS, 130, CENTS),
        Column("Week before", f"{before} and on (model) {largest}", DOLLARS, 140, CENTS),
        Column(
            "Change by", f"{week} / ({before} > 0) - 1 and on (model) {largest}", "percentunit", 120, {"decimals": 0}
        ),
    )
    builder.with_panel(joined(about, {"model": ("Model", 400)}, columns))


def _year() -> AnyBuilder[Panel]:
    recorded = queries.once("account_model:openrouter_activity_30d_spend_usd:sum", "account, model")
    shown = f"({recorded} or {queries.usage(queries.SPEND, 'account, model', window='activity_30d')})"
    about = About(
        title="A year by model",
        description="Spend over 30 days, as Prometheus has collected it or `openrouter-exporter export` has imported "
        f"it: the {TOP} largest models now.",
        unit=DOLLARS,
        empty="No spend over 30 days in the last hour: is 30d among collectors.activity.windows?",
    )
    # The last hour of the range may end before the exporter's first poll.
    spend = f"sum by (model) {shown}"
    leading = f"topk({TOP}, max_over_time(({spend})[1d:15m] @ end() offset -1h))"
    return stacked(about, Query(f"{spend} and on (model) {leading}", "{{model}}")).time_from("1y").interval("1h")


def _freshness() -> Iterator[AnyBuilder[Panel]]:
    day = queries.day()
    about = About(
        title="Day shown",
        description="The latest completed UTC day, called 'latest day' here. The oldest of the chosen accounts.",
        unit="time:ddd YYYY-MM-DD",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    yield figure(about, Query(f"min({day}) * 1000", "Day"), width=8)
    about = About(
        title="Age of the data",
        description="Time since the day shown began. Between 24 h and 51 h is normal: a day is 24 h long, and the next "
        "one appears half an hour to three hours after midnight UTC.",
        unit="suffix: h",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    limits = thresholds((51, YELLOW), (54, RED))
    yield figure(about, Query(f"(time() - min({day})) / 3600", "Age"), width=8).decimals(0).thresholds(limits)
    about = About(
        title="Last success",
        description="When the last successful poll began, of the collector that succeeded longest ago.",
        unit="dateTimeFromNow",
        empty="No poll has succeeded; see Exporter health.",
        short="never",
    )
    success = queries.once("openrouter_collector_last_success_timestamp_seconds", "account, collector")
    yield figure(about, Query(f"min({success} > 0) * 1000", "Last success"), width=8)


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
        panel = days(about, Query(parts, f"{{{{{label}}}}}"), rest, width=24, aside=LEGEND)
        builder.with_panel(panel)


def _endpoints(builder: Builder) -> None:
    builder.with_row(Row("Top endpoints: ${window:text}"))
    spend = queries.usage(queries.SPEND, ENDPOINT)
    top = f"topk(100, {spend})"

    def also(expression: str) -> str:
        return f"{expression} and on ({ENDPOINT}) {top}"

    about = About(
        title="Endpoints by spend",
        description="The 100 endpoints with most spend in the chosen window, one row each. 'other' sums the endpoints "
        "that the exporter folded. Prompt and completion are tokens, Per 1M is spend per million of both; Cached is "
        "the share of prompt tokens that came from a cache.",
        unit="short",
        empty="No endpoint with use in this window, or the window isn't among collectors.activity.windows.",
    )
    share = f"{spend} / on () group_left () ({queries.usage(queries.SPEND)} > 0)"
    columns = (
        Column("Spend", top, DOLLARS, 95, CENTS),
        Column("Share", also(share), "percentunit", 75, ONE_DIGIT),
        Column("Own keys", also(queries.usage("byok_usage_usd", ENDPOINT)), DOLLARS, 90, CENTS),
        Column("Requests", also(queries.usage("requests", ENDPOINT)), "locale", 95),
        Column("Prompt", also(queries.usage("prompt_tokens", ENDPOINT)), "short", 90),
        Column("Completion", also(queries.usage("completion_tokens", ENDPOINT)), "short", 105),
        Column("Per 1M", also(queries.price(ENDPOINT)), "currencyUSD", 85),
        Column("Cached", also(queries.share("cached_tokens", "prompt_tokens", ENDPOINT)), "percentunit", 85, ONE_DIGIT),
    )
    names = {
        "account": ("Account", 120),
        "model": ("Model", 245),
        "provider": ("Provider", 140),
        "endpoint_id": ("", 0),
    }
    builder.with_panel(joined(about, names, columns))


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
    builder.with_panel(colour(graph(about, *daily, height=10, aside=NARROW_LEGEND), TOKEN_COLOURS).interval("1d"))
    about = About(
        title="Price by model (${window:text})",
        description="US dollars per million prompt and completion tokens, own keys included: the "
        f"{TOP} models with the highest price.",
        unit="currencyUSD",
        empty="No model with tokens in this window.",
    )
    prices = ranking(about, Query(queries.largest(queries.price("model"), TOP), "{{model}}"), height=10)
    builder.with_panel(prices)
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
