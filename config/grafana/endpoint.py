"""The dashboard Endpoint detail: all measures of one model, provider or endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.frame import finished, frame, labels, row, windows
from config.grafana.overview import by_day
from config.grafana.panels import (
    DOLLARS,
    NARROW_LEGEND,
    TOKEN_COLOURS,
    About,
    AnyPanel,
    Query,
    colour,
    days,
    figure,
    graph,
)
from config.grafana.queries import ACCOUNT, DAY, PICKED, SPEND, TOKENS, daily, ratio, series, usage
from config.grafana.tables import Column, dollars, joined

CHOSEN = f'{ACCOUNT}, model=~"$model", provider=~"$provider"'
NOTHING = "No usage of this selection in this window: select another model or provider, or All."
REQUESTS = "openrouter_activity_requests"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-endpoint",
            "OpenRouter / Endpoint detail",
            "All measures of one model or provider, or of any selection.",
            windows(),
            labels("model", "Model", series(REQUESTS)),
            labels("provider", "Provider", series(REQUESTS, f'{ACCOUNT}, model=~"$model"')),
        ),
        row("${model:text}, ${provider:text}: ${window:text}", *_figures()),
        row("Spend and price, by day", _spend(), _requests(), _price(), _price_of_request()),
        row("Tokens, by day", _tokens(), _shares()),
        row("Endpoints of the selection: ${window:text}", _endpoints()),
    )


def _of(measure: str, by: str = "", window: str = PICKED) -> str:
    return usage(measure, by, window=window, matchers=CHOSEN)


def _per_day(measure: str) -> str:
    return daily(_of(measure, window=DAY))


def _ratio(part: str, whole: str, window: str = PICKED) -> str:
    return ratio(_of(part, window=window), _of(whole, window=window))


def _figures() -> Iterator[AnyPanel]:
    price = f"1e6 * {_ratio(SPEND, TOKENS)}"
    cached, reasoning = _ratio("cached_tokens", "prompt_tokens"), _ratio("reasoning_tokens", "completion_tokens")
    above = "can be above 100 %."
    for title, text, unit, expression in (
        ("Spend", "Credits plus what providers charge to own keys.", DOLLARS, _of(SPEND)),
        ("Requests", "Number of requests.", "locale", _of("requests")),
        ("USD per request", "Spend by requests.", "currencyUSD", _ratio(SPEND, "requests")),
        ("USD per 1M tokens", "Spend per million prompt and completion tokens.", "currencyUSD", price),
        ("Cache hits", f"Cached tokens by prompt tokens; {above}", "percentunit", cached),
        ("Reasoning", f"Reasoning tokens by completion tokens; {above}", "percentunit", reasoning),
    ):
        panel = figure(About(title, f"{text} Over the chosen window.", unit, NOTHING), expression)
        yield panel.decimals(2) if unit == DOLLARS else panel


def _spend() -> AnyPanel:
    about = by_day("Spend", "Spend per UTC day: credits, and what providers charge to own keys.", DOLLARS)
    return days(about, Query(_per_day("usage_usd"), "credits"), Query(_per_day("byok_usage_usd"), "own keys"))


def _requests() -> AnyPanel:
    return days(by_day("Requests", "Requests per UTC day.", "locale"), Query(_per_day("requests"), "requests"))


def _price() -> AnyPanel:
    about = by_day("Effective price", "Spend per million prompt and completion tokens, per UTC day.", "currencyUSD")
    return graph(about, Query(daily(f"1e6 * {_ratio(SPEND, TOKENS, DAY)}"), "USD per 1M tokens")).interval("1d")


def _price_of_request() -> AnyPanel:
    about = by_day("Price of a request", "Spend by requests, per UTC day.", "currencyUSD")
    return graph(about, Query(daily(_ratio(SPEND, "requests", DAY)), "USD per request")).interval("1d")


def _tokens() -> AnyPanel:
    text = "Tokens per UTC day. Cached are part of prompt, reasoning mostly of completion tokens."
    kinds = ("prompt", "completion", "reasoning", "cached")
    tokens = (Query(_per_day(f"{kind}_tokens"), kind) for kind in kinds)
    panel = graph(by_day("Tokens by kind", text, "short"), *tokens, aside=NARROW_LEGEND)
    return colour(panel, TOKEN_COLOURS).interval("1d")


def _shares() -> AnyPanel:
    about = by_day("Shares", "Cached of prompt and reasoning of completion tokens, per UTC day.", "percentunit")
    shares = (
        Query(daily(_ratio(f"{part}_tokens", f"{whole}_tokens", DAY)), f"{part} of {whole}")
        for part, whole in (("cached", "prompt"), ("reasoning", "completion"))
    )
    return graph(about, *shares, aside=NARROW_LEGEND).interval("1d")


def _endpoints() -> AnyPanel:
    about = About(
        "Endpoints",
        "All endpoints of the selection in the chosen window. 'other' sums the endpoints that the exporter folded.",
        "short",
        NOTHING,
    )
    names = {
        "account": ("Account", 130),
        "model": ("Model", 255),
        "provider": ("Provider", 140),
        "endpoint_id": ("Endpoint", 320),
    }
    by = ", ".join(names)
    columns = (
        dollars("Spend", _of(SPEND, by), 90),
        dollars("Own keys", _of("byok_usage_usd", by), 90),
        Column("Requests", _of("requests", by), "locale", 90),
        Column("Prompt", _of("prompt_tokens", by), "short", 90),
        Column("Completion", _of("completion_tokens", by), "short", 100),
        Column("Reasoning", _of("reasoning_tokens", by), "short", 90),
        Column("Cached", _of("cached_tokens", by), "short", 90),
    )
    return joined(about, names, columns)
