"""The dashboard Models: list prices against what is paid, retirement, and the endpoints of models in use."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import model_prices as prices
from config.grafana.frame import finished, frame, labels, row, windows
from config.grafana.panels import (
    DOLLARS,
    GREEN,
    LEGEND,
    RED,
    YELLOW,
    About,
    AnyPanel,
    Query,
    figure,
    graph,
    ranking,
    thresholds,
    words,
)
from config.grafana.queries import TOKENS, WEEK, at_end, largest, largest_at_end, once, ratio, series
from config.grafana.tables import Column, dollars, joined, percent

TOP = 10
PER_MILLION = "currencyUSD"
NO_CATALOGUE = "No prices yet: is the catalogue enabled? It is read at start and every hour."
NO_ENDPOINT = "No endpoints: is catalogue.endpoints enabled?"
PLATFORM = "OpenRouter measures it over all of its users, not for your account."


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-models",
            "OpenRouter / Models",
            "Models in use: list prices and actual cost, retirement, and the prices and health of their endpoints.",
            windows(),
            labels("model", "Model", series("openrouter_activity_30d_requests")),
            since="now-7d",
        ),
        row("Models in use", _used(), _retiring(), _not_listed(), _paid_over_list(), _saving(), _catalogue_read()),
        row("Listed and paid: ${window:text}", _models_by_spend()),
        row("List prices", _list_price("prompt"), _list_price("completion")),
        row("Endpoints of models in use", _endpoints(), _switching(), _uptime(), _status()),
    )


def _used() -> AnyPanel:
    about = About(
        "Models in use",
        "Models with requests in the 7 days to the latest completed one.",
        "none",
        "No model was used in 7 days.",
        "none",
    )
    return figure(about, f"count({prices.used('model', WEEK)})")


def _retiring() -> AnyPanel:
    about = About(
        "Retire in 14 days",
        "Models with requests in 7 days that retire within 14 days. The alert uses thresholds.model_retirement.",
        "none",
        "No model in use retires within 14 days.",
        "none",
    )
    soon = f"{prices.listed(prices.EXPIRATION)} < time() + 14 * 86400"
    retiring = f"count({soon} and on (model) {prices.used('model', WEEK)})"
    return figure(about, retiring).thresholds(thresholds((1, RED), base="text"))


def _not_listed() -> AnyPanel:
    about = About(
        "Not listed", "Models used in 30 days that are not in the catalogue: gone, or private.", "none", NO_CATALOGUE
    )
    listed = prices.listed("openrouter_model_listed")
    gone = f"count({listed} == 0) or 0 * count({listed})"
    return figure(about, gone).thresholds(thresholds((1, YELLOW), base="text"))


def _paid_over_list() -> AnyPanel:
    about = About(
        "Paid over list",
        "Spend in the selected window, divided by its cost at list prices, for models with a list price. Promotions "
        "lower it; long prompts, cache writes and web search raise it.",
        "percentunit",
        "No model in use has a list price.",
    )
    paid = f"sum({prices.paid()} and on (account, model) {prices.list_cost()})"
    panel = figure(about, ratio(paid, f"sum({prices.list_cost()})")).decimals(0)
    return panel.thresholds(thresholds((1.5, YELLOW), base="text"))


def _saving() -> AnyPanel:
    about = About(
        "Possible saving",
        "US dollars per day that the cheapest healthy endpoints would save, for the tokens of the last 7 days at list "
        "prices.",
        DOLLARS,
        NO_ENDPOINT,
    )
    return figure(about, f"sum({prices.saving('model')})").decimals(2)


def _catalogue_read() -> AnyPanel:
    about = About(
        "Catalogue read",
        "When the last successful poll of the catalogue began.",
        "dateTimeFromNow",
        "The catalogue has not been read yet; see Exporter health.",
        "never",
    )
    matchers = f'{prices.SHARED}, collector="catalogue"'
    success = once("openrouter_collector_last_success_timestamp_seconds", "collector", matchers)
    return figure(about, f"min({success} > 0) * 1000")


def _models_by_spend() -> AnyPanel:
    about = About(
        "Models by spend",
        "Models used in the selected window. List cost is what their tokens and requests would cost at today's list "
        "prices. Prices are in US dollars per million tokens.",
        "short",
        "No model was used in this window.",
    )
    paid, cost, tokens = prices.paid(), prices.list_cost(), prices.usage(TOKENS, prices.EACH)

    def of_used(expression: str) -> str:
        return f"({paid}) * 0 + on (model) group_left () {expression}"

    columns = (
        dollars("Spend", paid),
        dollars("List cost", f"{cost} and on (account, model) {paid}"),
        percent("Paid over list", ratio(paid, cost), 140, decimals=0),
        Column("Paid per 1M", f"1e6 * {ratio(paid, tokens)}", PER_MILLION, 125),
        Column("Listed per 1M", f"1e6 * {ratio(cost, tokens)}", PER_MILLION, 140),
        Column("Prompt", of_used(f"1e6 * {prices.price('prompt')}"), PER_MILLION, 100),
        Column("Completion", of_used(f"1e6 * {prices.price('completion')}"), PER_MILLION, 120),
        Column("Other prices", of_used(prices.listed("openrouter_model_price_overrides")), "none", 125),
        Column("Retired on", of_used(f"1000 * {prices.listed(prices.EXPIRATION)}"), "time:YYYY-MM-DD", 115),
    )
    return joined(about, {"account": ("Account", 130), "model": ("Model", 275)}, columns)


def _list_price(kind: str) -> AnyPanel:
    about = About(
        f"Price of {kind} tokens",
        f"List price in US dollars per million {kind} tokens: the {TOP} most expensive models now.",
        PER_MILLION,
        NO_CATALOGUE,
    )
    highest = Query(largest_at_end(f"1e6 * {prices.price(kind)}", "model", TOP), "{{model}}")
    return graph(about, highest, aside=LEGEND, width=24, height=11).interval("5m")


def _endpoints() -> AnyPanel:
    about = About(
        "Endpoints",
        f"Each endpoint of a model in use. {PLATFORM} The price is per million tokens, in the mix of the last 7 days. "
        "Tokens are those that you used at the provider in 7 days.",
        "short",
        NO_ENDPOINT,
    )

    def of_endpoint(metric: str) -> str:
        return prices.listed(metric, prices.ENDPOINT)

    status = of_endpoint(prices.STATUS)
    tokens = f"{status} * 0 + on (model, provider) group_left () {prices.tokens_at_provider()}"
    columns = (
        Column("Price per 1M", f"1e6 * {prices.blended()}", PER_MILLION, 130),
        Column("Your tokens", tokens, "short", 125),
        percent("Uptime 1 day", prices.uptime("1d"), 130, decimals=2),
        percent("5 minutes", prices.uptime("5m"), 115, decimals=0),
        Column("Status", status, "none", 90),
        Column("Latency p50", of_endpoint("openrouter_endpoint_p50_latency_seconds"), "s", 125),
        Column("Tokens per s", of_endpoint("openrouter_endpoint_p50_throughput_tokens_per_second"), "short", 130),
    )
    names = {"model": ("Model", 275), "provider": ("Provider", 150), "tag": ("Tag", 140)}
    return joined(about, names, columns)


def _switching() -> AnyPanel:
    about = About(
        "What switching would save",
        "US dollars per day that the cheapest endpoint of a model with an uptime above 95 % over a day would save "
        "compared with the providers that you used, for the tokens of the last 7 days at list prices. It may be "
        "slower or use another quantization.",
        DOLLARS,
        NO_ENDPOINT,
    )
    saving = Query(largest(prices.saving("account, model"), TOP), "{{model}}, {{account}}")
    return ranking(about, saving, width=24).decimals(2)


def _uptime() -> AnyPanel:
    about = About(
        "Uptime of providers in use",
        f"Uptime over 5 minutes of the best endpoint of each provider used in 7 days: the {TOP} worst now. {PLATFORM}",
        "percentunit",
        NO_ENDPOINT,
    )
    uptime = prices.uptime("5m", "model, provider")
    in_use = f"{at_end(uptime)} and on (model, provider) {prices.tokens_at_provider()} > 0"
    worst = f"{uptime} and on (model, provider) bottomk({TOP}, {in_use})"
    return graph(about, Query(worst, "{{model}} at {{provider}}"), width=24, height=10, aside=LEGEND).max(1)


def _status() -> AnyPanel:
    about = About(
        "Endpoint status",
        f"Endpoints with a status other than 0, which is normal. {PLATFORM}",
        "none",
        "All endpoints of models in use are normal.",
        "all normal",
    )
    states = words(("-1", "degraded", YELLOW), ("-2", "degraded", YELLOW), ("0", "normal", GREEN))
    not_normal = Query(f"{prices.listed(prices.STATUS, prices.ENDPOINT)} != 0", "{{model}} at {{provider}}")
    return figure(about, not_normal, width=24, height=5).mappings(states)
