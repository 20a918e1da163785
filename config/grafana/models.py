"""The dashboard Models: list prices against what is paid, retirement, and the endpoints of models in use."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import model_prices as prices
from config.grafana import queries
from config.grafana.frame import finished, frame, labels, windows
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LEGEND,
    RED,
    YELLOW,
    About,
    Query,
    figure,
    graph,
    ranking,
    thresholds,
    words,
)
from config.grafana.tables import CENTS, Column, joined

TOP = 10
PER_MILLION = "currencyUSD"
NO_CATALOGUE = "No prices yet: is the catalogue enabled? It is read at start and every hour."
NO_ENDPOINT = "No endpoints: is catalogue.endpoints enabled?"
PLATFORM = "OpenRouter measures it over all of its users, not for your account."


def models() -> Dashboard:
    """Return the dashboard."""
    builder = (
        frame(
            "openrouter-models",
            "OpenRouter / Models",
            "Models in use: list prices and actual cost, retirement, and the prices and health of their endpoints.",
            since="now-7d",
        )
        .with_variable(windows())
        .with_variable(labels("model", "Model", f"openrouter_activity_30d_requests{{{queries.ACCOUNT}}}"))
    )
    _figures(builder)
    _prices(builder)
    _over_time(builder)
    _endpoints(builder)
    return finished(builder)


def _figures(builder: Builder) -> None:
    builder.with_row(Row("Models in use"))
    listed, expiration = prices.of_model("openrouter_model_listed"), prices.of_model(prices.EXPIRATION)
    used = prices.used("model", window="activity_7d")
    about = About(
        title="Models in use",
        description="Models with requests in the 7 days to the latest completed one.",
        unit="none",
        empty="No model was used in 7 days.",
        short="none",
    )
    builder.with_panel(figure(about, Query(f"count({used})", "Models in use")))
    about = About(
        title="Retire in 14 days",
        description="Models with requests in 7 days that retire within 14 days. The alert uses "
        "thresholds.model_retirement.",
        unit="none",
        empty="No model in use retires within 14 days.",
        short="none",
    )
    query = Query(f"count({expiration} < time() + 14 * 86400 and on (model) {used})", "Retire in 14 days")
    builder.with_panel(figure(about, query).thresholds(thresholds((1, RED), base="text")))
    about = About(
        title="Not listed",
        description="Models used in 30 days that are not in the catalogue: gone, or private.",
        unit="none",
        empty=NO_CATALOGUE,
    )
    query = Query(f"count({listed} == 0) or 0 * count({listed})", "Not listed")
    builder.with_panel(figure(about, query).thresholds(thresholds((1, YELLOW), base="text")))
    about = About(
        title="Paid over list",
        description="Spend in the selected window, divided by its cost at list prices, for models with a list price. "
        "Promotions lower it; long prompts, cache writes and web search raise it.",
        unit="percentunit",
        empty="No model in use has a list price.",
    )
    paid = f"sum({prices.paid()} and on (account, model) {prices.list_cost()})"
    query = Query(f"{paid} / (sum({prices.list_cost()}) > 0)", "Paid over list")
    builder.with_panel(figure(about, query).decimals(0).thresholds(thresholds((1.5, YELLOW), base="text")))
    about = About(
        title="Possible saving",
        description="US dollars per day that the cheapest healthy endpoints would save, for the tokens of the last "
        "7 days at list prices.",
        unit=DOLLARS,
        empty=NO_ENDPOINT,
    )
    builder.with_panel(figure(about, Query(f"sum({prices.saving('model')})", "Possible saving")).decimals(2))
    about = About(
        title="Catalogue read",
        description="When the last successful poll of the catalogue began.",
        unit="dateTimeFromNow",
        empty="The catalogue has not been read yet; see Exporter health.",
        short="never",
    )
    success = queries.once(
        "openrouter_collector_last_success_timestamp_seconds", "collector", f'{prices.SHARED}, collector="catalogue"'
    )
    builder.with_panel(figure(about, Query(f"min({success} > 0) * 1000", "Catalogue read")))


def _prices(builder: Builder) -> None:
    builder.with_row(Row("Listed and paid: ${window:text}"))
    paid, cost = prices.paid(), prices.list_cost()
    tokens = queries.usage(queries.TOKENS, prices.EACH, matchers=prices.CHOSEN)

    def of_used(expression: str) -> str:
        return f"({paid}) * 0 + on (model) group_left () {expression}"

    about = About(
        title="Models by spend",
        description="Models used in the selected window. List cost is what their tokens and requests would cost at "
        "today's list prices. Prices are in US dollars per million tokens.",
        unit="short",
        empty="No model was used in this window.",
    )
    columns = (
        Column("Spend", paid, DOLLARS, 110, CENTS),
        Column("List cost", f"{cost} and on (account, model) {paid}", DOLLARS, 110, CENTS),
        Column("Paid over list", f"{paid} / ({cost} > 0)", "percentunit", 140, {"decimals": 0}),
        Column("Paid per 1M", f"1e6 * {paid} / ({tokens} > 0)", PER_MILLION, 125),
        Column("Listed per 1M", f"1e6 * {cost} / ({tokens} > 0)", PER_MILLION, 140),
        Column("Prompt", of_used(f"1e6 * {prices.price('prompt')}"), PER_MILLION, 100),
        Column("Completion", of_used(f"1e6 * {prices.price('completion')}"), PER_MILLION, 120),
        Column("Other prices", of_used(prices.of_model("openrouter_model_price_overrides")), "none", 125),
        Column("Retired on", of_used(f"1000 * {prices.of_model(prices.EXPIRATION)}"), "time:YYYY-MM-DD", 115),
    )
    names = {"account": ("Account", 130), "model": ("Model", 275)}
    builder.with_panel(joined(about, names, columns))


def _over_time(builder: Builder) -> None:
    builder.with_row(Row("List prices"))
    for kind in ("prompt", "completion"):
        about = About(
            title=f"Price of {kind} tokens",
            description=f"List price in US dollars per million {kind} tokens: the {TOP} most expensive models now.",
            unit=PER_MILLION,
            empty=NO_CATALOGUE,
        )
        selector = prices.selector("openrouter_model_price_usd", kind=kind)
        expression = f"1e6 * max by (model) ({selector})"
        leading = queries.largest_at_end(expression, "model", TOP)
        panel = graph(about, Query(leading, "{{model}}"), aside=LEGEND, width=24, height=11)
        builder.with_panel(panel.interval("5m"))


def _endpoints(builder: Builder) -> None:
    builder.with_row(Row("Endpoints of models in use"))
    about = About(
        title="Endpoints",
        description=f"Each endpoint of a model in use. {PLATFORM} The price is per million tokens, in the mix of the "
        "last 7 days. Tokens are those that you used at the provider in 7 days.",
        unit="short",
        empty=NO_ENDPOINT,
    )
    tokens = prices.tokens_at_provider()
    columns = (
        Column("Price per 1M", f"1e6 * {prices.blended()}", PER_MILLION, 130),
        Column(
            "Your tokens",
            f"{prices.each_endpoint(prices.STATUS)} * 0 + on (model, provider) group_left () {tokens}",
            "short",
            125,
        ),
        Column("Uptime 1 day", prices.uptime("1d"), "percentunit", 130, {"decimals": 2}),
        Column("5 minutes", prices.uptime("5m"), "percentunit", 115, {"decimals": 0}),
        Column("Status", prices.each_endpoint(prices.STATUS), "none", 90),
        Column("Latency p50", prices.each_endpoint("openrouter_endpoint_p50_latency_seconds"), "s", 125),
        Column(
            "Tokens per s", prices.each_endpoint("openrouter_endpoint_p50_throughput_tokens_per_second"), "short", 130
        ),
    )
    names = {"model": ("Model", 275), "provider": ("Provider", 150), "tag": ("Tag", 140)}
    builder.with_panel(joined(about, names, columns))
    about = About(
        title="What switching would save",
        description="US dollars per day that the cheapest endpoint of a model with an uptime above 95 % over a day "
        "would save compared with the providers that you used, for the tokens of the last 7 days at list prices. It "
        "may be slower or use another quantization.",
        unit=DOLLARS,
        empty=NO_ENDPOINT,
    )
    saving = queries.largest(prices.saving("account, model"), TOP)
    builder.with_panel(ranking(about, Query(saving, "{{model}}, {{account}}"), width=24).decimals(2))
    about = About(
        title="Uptime of providers in use",
        description=f"Uptime over 5 minutes of the best endpoint of each provider used in 7 days: the "
        f"{TOP} worst now. {PLATFORM}",
        unit="percentunit",
        empty=NO_ENDPOINT,
    )
    selector = prices.selector(prices.UPTIME, window="5m")
    expression = f"max by (model, provider) ({selector})"
    worst = f"bottomk({TOP}, {queries.at_end(expression)} and on (model, provider) {tokens} > 0)"
    query = Query(f"{expression} and on (model, provider) {worst}", "{{model}} at {{provider}}")
    builder.with_panel(graph(about, query, width=24, height=10, aside=LEGEND).max(1))
    about = About(
        title="Endpoint status",
        description=f"Endpoints with a status other than 0, which is normal. {PLATFORM}",
        unit="none",
        empty="All endpoints of models in use are normal.",
        short="all normal",
    )
    states = words(("-1", "degraded", YELLOW), ("-2", "degraded", YELLOW), ("0", "normal", GREEN))
    query = Query(f"{prices.each_endpoint(prices.STATUS)} != 0", "{{model}} at {{provider}}")
    builder.with_panel(figure(about, query, width=24, height=5).mappings(states))
