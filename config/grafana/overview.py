"""What an account spends: the dashboard one opens in the morning."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import queries
from config.grafana.frame import finished, frame, windows
from config.grafana.panels import RED, YELLOW, About, Query, days, figure, graph, ranking, thresholds, words
from config.grafana.tables import Column, joined

NOTHING = "No usage yet: is openrouter_up 1, and does the time range reach the present?"
NO_BAR = "No completed day in this time range: choose at least the last 2 days."
BAR_OF_DAY = (
    "A bar stands at the UTC day it is of, with what was last known of that day; "
    "the latest bar is yesterday's and comes at about 01:00 UTC."
)
ENDPOINT = "account, model, provider, endpoint_id"
TOP = 12
DETAIL = (
    "/d/openrouter-endpoint/openrouter-endpoint-detail?var-model=${__data.fields.Model:percentencode}"
    "&${datasource:queryparam}&${account:queryparam}&${window:queryparam}&${__url_time_range}"
)


def overview() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-overview",
        "OpenRouter / Overview",
        "What the account spends at OpenRouter by day, model, provider and endpoint, to the latest completed UTC day.",
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
        ("Latest day", "activity", "on the latest completed UTC day; 'Day shown' says which it is"),
        ("7 days", "activity_7d", "over the 7 UTC days that end with the latest completed one"),
        ("30 days", "activity_30d", "over the 30 UTC days that end with the latest completed one"),
        ("Month to date", "activity_month_to_date", "from the first of the month to the latest completed UTC day"),
    ):
        about = About(
            title=title,
            description=f"Spent {text}: OpenRouter credits, and what providers charge to own keys.",
            unit="currencyUSD",
            empty=NOTHING,
        )
        builder.with_panel(figure(about, Query(queries.usage(queries.SPEND, window=window), title)))
    about = About(
        title="Month projected",
        description="The month's spend if its remaining days cost what its completed days cost on average. "
        "On the first of a month it is still the month before.",
        unit="currencyUSD",
        empty="No projection: the window month_to_date must be among collectors.activity.windows.",
    )
    builder.with_panel(figure(about, Query(f"sum({queries.projected()})", "Projected")))
    about = About(
        title="Own provider keys (${window:text})",
        description="What providers charge to own keys (BYOK) over the window: all of the spend but credits.",
        unit="currencyUSD",
        empty=NOTHING,
    )
    builder.with_panel(figure(about, Query(queries.usage("byok_usage_usd"), "BYOK")))


def _freshness(builder: Builder) -> None:
    builder.with_row(Row("How fresh it is"))
    day = queries.day()
    about = About(
        title="Day shown",
        description="The latest completed UTC day, called 'latest day' here: the oldest of the chosen accounts'.",
        unit="time:ddd YYYY-MM-DD",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    builder.with_panel(figure(about, Query(f"min({day}) * 1000", "Day")))
    about = About(
        title="Age of the data",
        description="From the start of the day shown until now. Between 24 h and 51 h is normal: a day is 24 h long, "
        "and the next one is shown half an hour to three hours after midnight UTC.",
        unit="s",
        empty="No day yet: the first poll has not succeeded; see Exporter health.",
    )
    limits = thresholds((51 * 3600, YELLOW), (54 * 3600, RED))
    builder.with_panel(figure(about, Query(f"time() - min({day})", "Age")).thresholds(limits))
    about = About(
        title="Last success",
        description="When the last successful poll of the activity began: the collector that succeeded longest ago.",
        unit="dateTimeFromNow",
        empty="Never: no poll has succeeded; see Exporter health.",
    )
    success = queries.once("openrouter_collector_last_success_timestamp_seconds", "account, collector")
    builder.with_panel(figure(about, Query(f"min({success} > 0) * 1000", "Last success")))
    about = About(
        title="Collecting",
        description="Whether the last poll of every collector of every chosen account succeeded.",
        unit="none",
        empty="No exporter: Prometheus has scraped none of these accounts. Is the target up?",
    )
    state = words(("0", "failing", RED), ("1", "working", "green"))
    panel = figure(about, Query(f"min({queries.once('openrouter_up', 'account')})", "Collecting"))
    builder.with_panel(panel.mappings(state))
    about = About(
        title="Firing alerts",
        description="Alerts of OpenRouter that fire now, for the chosen accounts or for the exporter as a whole.",
        unit="none",
        empty="none",
    )
    alerts = 'ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"}'
    panel = figure(about, Query(f"count by (alertname) ({alerts})", "{{alertname}}"), width=8)
    builder.with_panel(panel.thresholds(thresholds((1, RED), base="text")))


def _by_day(builder: Builder) -> None:
    builder.with_row(Row("By day"))
    whole = queries.daily(queries.usage(queries.SPEND, window=queries.DAY))
    for label in ("model", "provider"):
        parts = queries.daily(queries.usage(queries.SPEND, label, window=queries.DAY))
        about = About(
            title=f"Spend by {label}",
            description=f"Spend per UTC day, own keys included: its {TOP} largest, all others as one. {BAR_OF_DAY}",
            unit="currencyUSD",
            empty=NO_BAR,
        )
        largest = Query(queries.largest(parts, TOP), f"{{{{{label}}}}}")
        rest = Query(queries.remainder(whole, parts, TOP), "all others")
        builder.with_panel(days(about, largest, rest))


def _endpoints(builder: Builder) -> None:
    builder.with_row(Row("Top endpoints: ${window:text}"))
    spend = queries.usage(queries.SPEND, ENDPOINT)
    top = f"topk(100, {spend})"

    def also(expression: str) -> str:
        return f"{expression} and on ({ENDPOINT}) {top}"

    about = About(
        title="Endpoints by spend",
        description="The 100 endpoints that cost most in the chosen window. 'other' is what the exporter folded. "
        "A click on a model shows all of its measures.",
        unit="short",
        empty="No endpoint with use in this window, or the window isn't among collectors.activity.windows.",
    )
    dollars = {"decimals": 2}
    columns = (
        Column("Spend", top, "currencyUSD", dollars),
        Column("Share", also(f"{spend} / on () group_left () ({queries.usage(queries.SPEND)} > 0)"), "percentunit"),
        Column("of it own keys", also(queries.usage("byok_usage_usd", ENDPOINT)), "currencyUSD", dollars),
        Column("Requests", also(queries.usage("requests", ENDPOINT)), "locale"),
        Column("Prompt tokens", also(queries.usage("prompt_tokens", ENDPOINT)), "short"),
        Column("Completion tokens", also(queries.usage("completion_tokens", ENDPOINT)), "short"),
        Column("USD per 1M tokens", also(queries.price(ENDPOINT)), "currencyUSD"),
        Column("Cache hits", also(queries.share("cached_tokens", "prompt_tokens", ENDPOINT)), "percentunit"),
    )
    names = {"account": "Account", "model": "Model", "provider": "Provider", "endpoint_id": "Endpoint"}
    builder.with_panel(joined(about, names, columns, link=("Model", "Show ${__value.text}", DETAIL)))


def _efficiency(builder: Builder) -> None:
    builder.with_row(Row("Tokens and what they cost"))
    kinds = {"prompt": "Prompt", "completion": "Completion", "cached": "of prompt: cached", "reasoning": "Reasoning"}
    about = About(
        title="Tokens by kind",
        description="Tokens per UTC day. Cached tokens are part of the prompt, reasoning mostly of the completion. "
        f"{BAR_OF_DAY}",
        unit="short",
        empty=NO_BAR,
    )
    daily = (
        Query(queries.daily(queries.usage(f"{kind}_tokens", window=queries.DAY)), title)
        for kind, title in kinds.items()
    )
    builder.with_panel(graph(about, *daily).interval("1d"))
    about = About(
        title="Price by model (${window:text})",
        description=f"What a million prompt and completion tokens cost, own keys included: the {TOP} dearest models.",
        unit="currencyUSD",
        empty="No model with tokens in this window.",
    )
    builder.with_panel(ranking(about, Query(queries.largest(queries.price("model"), TOP), "{{model}}"), height=8))
    about = About(
        title="Effective price",
        description=f"What a million prompt and completion tokens cost, own keys included, per UTC day. {BAR_OF_DAY}",
        unit="currencyUSD",
        empty=NO_BAR,
    )
    query = Query(queries.daily(queries.price(window=queries.DAY)), "USD per 1M tokens")
    builder.with_panel(graph(about, query).interval("1d"))
    about = About(
        title="Cache hits",
        description="Share of prompt tokens that was read from cache, per UTC day; the API can report more than all. "
        f"{BAR_OF_DAY}",
        unit="percentunit",
        empty="No cached tokens are reported, or no completed day is in this time range.",
    )
    query = Query(queries.daily(queries.share("cached_tokens", "prompt_tokens", window=queries.DAY)), "Cache hits")
    builder.with_panel(graph(about, query).interval("1d"))
