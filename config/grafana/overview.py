"""The dashboard Overview: what an account spends."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.cog.builder import Builder as AnyBuilder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from config.grafana import queries
from config.grafana.frame import finished, folded, frame, windows
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LEGEND,
    NARROW_LEGEND,
    RED,
    TOKEN_COLOURS,
    YELLOW,
    About,
    Query,
    changing,
    colour,
    completeness,
    days,
    figure,
    graph,
    link,
    ranking,
    stacked,
    thresholds,
    words,
)
from config.grafana.queries import ACCOUNT
from config.grafana.tables import Column, joined

NOTHING = "No usage yet: is openrouter_up 1, and does the time range reach the present?"
NO_BAR = "No completed day in this time range: choose at least the last 2 days."
BAR_OF_DAY = "Each bar is at its UTC day, with the last known value. Yesterday's bar appears at about 01:00 UTC."
ENDPOINT = "account, model, provider, endpoint_id"
NO_SPEND = "No spend: is the collector spend enabled, and the key a management key?"
TOP = 8
BUDGETS = "account, budget, period"
CENTS = {"decimals": 2}
KEPT = "${datasource:queryparam}&${account:queryparam}&${__url_time_range}"
BUDGET = f"/d/openrouter-budget/openrouter-budget-and-keys?{KEPT}"
HEALTH = f"/d/openrouter-health/openrouter-exporter-health?{KEPT}"
DETAIL = (
    "/d/openrouter-endpoint/openrouter-endpoint-detail?var-model=${__data.fields.Model:percentencode}"
    "&${datasource:queryparam}&${account:queryparam}&${window:queryparam}&${__url_time_range}"
)
DETAIL_OF_SERIES = {
    label: DETAIL.replace("var-model=${__data.fields.Model:percentencode}", f"var-{label}=${{__field.labels.{label}}}")
    for label in ("model", "provider")
}


def overview() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-overview",
        "OpenRouter / Overview",
        "Spend by day, model, provider and endpoint, up to the latest completed UTC day.",
    ).with_variable(windows())
    _now(builder)
    _spend(builder)
    _by_day(builder)
    _changes(builder)
    _endpoints(builder)
    _efficiency(builder)
    builder.with_row(folded("A year", _year()))
    builder.with_row(folded("Freshness", *_freshness()))
    return finished(builder)


def _now(builder: Builder) -> None:
    """Add the line that answers in five seconds; a click on a figure leads to its details."""
    today = f"max by (account) (sum without (paid_by) (openrouter_spend_today_usd{{{ACCOUNT}}}))"
    about = About(
        title="Spent today",
        description="Spend since midnight UTC: credits and own keys. Below: compared with the same hour a week ago.",
        unit=DOLLARS,
        empty=NO_SPEND,
    )
    spent = changing(about, Query(f"sum({today})", "today"), ("7d", "change, 7 days"))
    builder.with_panel(spent.decimals(2).data_links([link("Today", BUDGET)]))
    month = f"max by (account) (sum without (paid_by) (openrouter_spend_month_usd{{{ACCOUNT}}}))"
    about = About(
        title="This month",
        description="Spend in this calendar month, in UTC, today included.",
        unit=DOLLARS,
        empty=NO_SPEND,
    )
    builder.with_panel(figure(about, Query(f"sum({month})", "This month")).decimals(2))
    limits = thresholds((0.8, YELLOW), (1, RED), base="text")
    of_limit = f"/ ({queries.once('openrouter_budget_limit_usd', BUDGETS)} > 0)"
    spent_of_budget = queries.once("openrouter_budget_spent_usd", BUDGETS)
    about = About(
        title="Budget used",
        description="Spent share of the budget that is closest to its limit.",
        unit="percentunit",
        empty="No budget: see `budgets` in the exporter's configuration.",
        short="no budget",
    )
    panel = figure(about, Query(f"max({spent_of_budget} {of_limit})", "Budget used"))
    builder.with_panel(panel.decimals(0).thresholds(limits).data_links([link("All budgets", BUDGET)]))
    about = About(
        title="Month projected",
        description="Spend of the whole month if its remaining days cost as much as its completed days on average. "
        "On the first of a month it is that of the previous month.",
        unit=DOLLARS,
        empty="No projection: the window month_to_date must be among collectors.activity.windows.",
    )
    builder.with_panel(figure(about, Query(f"sum({queries.projected()})", "Projected")).decimals(2))
    about = About(
        title="Credit lasts for",
        description="Credit divided by the credits used per day in 7 days, for the account whose credit runs out "
        "first. Yellow below a week, red below two days.",
        unit="suffix: days",
        empty="No balance, or nothing was spent in 7 days.",
        short="unknown",
    )
    used = f"({queries.usage('usage_usd', 'account', window='activity_7d')} / 7 > 0)"
    balance = queries.once("openrouter_credits_balance_usd", "account")
    left = Query(f"min(clamp_min({balance}, 0) / on (account) {used})", "Credit lasts for")
    colours = thresholds((2, YELLOW), (7, GREEN), base=RED)
    builder.with_panel(figure(about, left).decimals(1).thresholds(colours).data_links([link("Credit", BUDGET)]))
    about = About(
        title="Firing alerts",
        description="Number of alerts firing now, for the selected accounts or for the exporter as a whole.",
        unit="none",
        empty="No alert is firing, or the rules are not loaded.",
        short="none",
    )
    alerts = 'ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"}'
    panel = figure(about, Query(f"count({alerts})", "Firing alerts"))
    builder.with_panel(panel.thresholds(thresholds((1, RED), base="text")))


def _spend(builder: Builder) -> None:
    builder.with_row(Row("Completed days"))
    for title, window, text, before, words_ in (
        ("Latest day", "activity", "on the latest completed UTC day, shown in 'Day shown'", "1d", "change, 1 day"),
        ("7 days", "activity_7d", "over the 7 UTC days that end with the latest completed one", "7d", "change, 7 days"),
        (
            "30 days",
            "activity_30d",
            "over the 30 UTC days that end with the latest completed one",
            "30d",
            "change, 30 days",
        ),
    ):
        about = About(
            title=title,
            description=f"Spend {text}: OpenRouter credits plus what providers charge for own keys. Below: compared "
            "with the period before, if Prometheus has it.",
            unit=DOLLARS,
            empty=NOTHING,
        )
        query = Query(queries.usage(queries.SPEND, window=window), title.lower())
        builder.with_panel(changing(about, query, (before, words_)).decimals(2))
    about = About(
        title="Own provider keys",
        description="Part of the spend in the chosen window that providers charge to own keys (BYOK).",
        unit=DOLLARS,
        empty=NOTHING,
    )
    builder.with_panel(figure(about, Query(queries.usage("byok_usage_usd"), "BYOK")).decimals(2))
    builder.with_panel(completeness())
    about = About(
        title="Polls",
        description="Whether the last polls of all collectors of the selected accounts succeeded.",
        unit="none",
        empty="No exporter: Prometheus has scraped none of these accounts. Is the target up?",
    )
    state = words(("0", "failing", RED), ("1", "working", GREEN))
    panel = figure(about, Query(f"min({queries.once('openrouter_up', 'account')})", "Polls"))
    builder.with_panel(panel.mappings(state).data_links([link("Exporter health", HEALTH)]))


def _changes(builder: Builder) -> None:
    builder.with_row(Row("What changed"))
    week = queries.usage(queries.SPEND, "model", window="activity_7d")
    before = queries.offset(week, "7d")
    change = f"({week} - ({before} or {week} * 0)) or (0 - {before} unless on (model) {week})"
    about = About(
        title="Models whose spend changed most",
        description="Spend in the latest 7 completed UTC days compared with the 7 before; the 20 largest changes. A "
        "model without previous spend is new, if Prometheus has that week.",
        unit=DOLLARS,
        empty=NOTHING,
    )
    largest = f"topk(20, abs({change}))"
    columns = (
        Column("Change", f"{change} and on (model) {largest}", DOLLARS, 130, CENTS),
        Column("7 days", f"{week} and on (model) {largest}", DOLLARS, 130, CENTS),
        Column("7 days before", f"{before} and on (model) {largest}", DOLLARS, 140, CENTS),
        Column(
            "Change by", f"{week} / ({before} > 0) - 1 and on (model) {largest}", "percentunit", 120, {"decimals": 0}
        ),
    )
    builder.with_panel(
        joined(about, {"model": ("Model", 400)}, columns, link=("Model", "Show ${__value.text}", DETAIL))
    )


def _year() -> AnyBuilder[Panel]:
    selector = f"account_model:openrouter_activity_30d_spend_usd:sum{{{ACCOUNT}}}"
    leading = queries.largest_at_end(f"sum by (model) ({selector})", selector, "model", TOP)
    about = About(
        title="A year by model",
        description=f"Spend over 30 days, as the recording rules or an import have it: the {TOP} largest models now.",
        unit=DOLLARS,
        empty="No spend over 30 days is recorded yet.",
    )
    return stacked(about, Query(leading, "{{model}}"), width=24).time_from("1y").interval("1h")


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
        builder.with_panel(panel.data_links([link("Show its details", DETAIL_OF_SERIES[label])]))


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
    builder.with_panel(colour(graph(about, *daily, height=10, aside=NARROW_LEGEND), TOKEN_COLOURS).interval("1d"))
    about = About(
        title="Price by model (${window:text})",
        description="US dollars per million prompt and completion tokens, own keys included: the "
        f"{TOP} models with the highest price.",
        unit="currencyUSD",
        empty="No model with tokens in this window.",
    )
    prices = ranking(about, Query(queries.largest(queries.price("model"), TOP), "{{model}}"), height=10)
    builder.with_panel(prices.data_links([link("Show its details", DETAIL_OF_SERIES["model"])]))
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
