"""The dashboard Cost anatomy: what the money bought, what caching saves, and what a request of a model costs."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.analytics import NO_COST, TOP, largest_results, result_of
from config.grafana.frame import finished, frame, row
from config.grafana.panels import DOLLARS, LEGEND, About, AnyPanel, Query, figure, graph, ranking
from config.grafana.queries import largest_at_end, ratio
from config.grafana.tables import Column, dollars, joined, percent

# The parts of the bill, by the metric that has them.
PARTS = (
    ("Providers", "usage_upstream_usd"),
    ("Caching", "usage_cache_usd"),
    ("Web search", "usage_web_usd"),
    ("Files", "usage_file_usd"),
    ("Data logging", "usage_data_usd"),
    ("Fees for own keys", "byok_fees_usd"),
)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-cost",
            "OpenRouter / Cost anatomy",
            "Parts of the bill, what caching saves, and what a request costs.",
            since="now-7d",
        ),
        row("This month", *_figures()),
        row("Parts of the bill", _bill("today", "cost_today"), _bill("this month", "cost_month")),
        row("Models, the last day", _thousand_requests(), *_cache(), _models()),
    )


def _of_month(metric: str) -> str:
    return f"sum({result_of(metric, 'cost_month')})"


def _of_model(metric: str) -> str:
    return result_of(metric, "cost_by_model", "account, model")


def _figures() -> Iterator[AnyPanel]:
    metrics = ("total_usage_usd", "credits_usage_usd", "byok_usage_usd", "usage_cache_usd", "usage_web_usd", "requests")
    spend, credits_, own, cache, web, requests = (_of_month(metric) for metric in metrics)
    for title, text, expression in (
        ("Spend", "Credits plus what providers charge for your own keys.", spend),
        ("Charged to credits", "What OpenRouter charges, including fees for your own provider keys.", credits_),
        ("Own provider keys", "What providers charge for your own keys, as estimated by OpenRouter.", own),
        (
            "Saved by caching",
            "What caching saved. Negative if cache writes cost more than cache reads saved.",
            f"-{cache}",
        ),
        ("Web search", "What web search cost.", web),
        ("Per 1,000 requests", "Spend per 1,000 requests.", f"1000 * {ratio(spend, requests)}"),
    ):
        yield figure(About(title, f"{text} This UTC month so far.", DOLLARS, NO_COST), expression).decimals(2)


def _bill(time: str, query: str) -> AnyPanel:
    about = About(
        f"Parts of the bill, {time}",
        "What was charged to credits. Negative caching and data logging reduced the bill. Parts that were not used "
        "have no bar.",
        DOLLARS,
        NO_COST,
    )
    parts = [Query(f"sum({result_of(metric, query)})", name) for name, metric in PARTS]
    return ranking(about, *parts, height=8).decimals(2)


def _thousand_requests() -> AnyPanel:
    about = About(
        "A thousand requests",
        f"US dollars per thousand requests of a model, over the day before; the {TOP} highest now. It rises with "
        "longer prompts, fewer cache hits and more expensive providers; the alert uses thresholds.request_cost_ratio.",
        DOLLARS,
        NO_COST,
    )
    spend, requests = (f"sum by (model) ({_of_model(metric)})" for metric in ("total_usage_usd", "requests"))
    price = largest_at_end(f"(1000 * {ratio(spend, requests)})", "model", TOP)
    return graph(about, Query(price, "{{model}}"), width=24, height=9, aside=LEGEND)


def _cache() -> Iterator[AnyPanel]:
    for title, text, metric, query in (
        ("Cache hits", "Share of the prompt tokens that came from the cache.", "cache_hit_ratio", "cost_by_model"),
        (
            "Captured by the cache",
            "Of the tokens that could have come from the cache, the share that did.",
            "cache_capture_ratio",
            "cache_by_model",
        ),
    ):
        about = About(
            title, f"{text} Over the day before; the highest of the selected accounts.", "percentunit", NO_COST
        )
        shares = Query(largest_results(metric, query, "model"), "{{model}}")
        yield graph(about, shares, width=24, height=10, aside=LEGEND)


def _models() -> AnyPanel:
    about = About(
        "Models", "The last day. Saved is what caching saved; negative if it added to the bill.", "short", NO_COST
    )
    columns = (
        dollars("Spend", _of_model("total_usage_usd")),
        Column("Requests", _of_model("requests"), "locale"),
        Column("Per 1M tokens", _of_model("blended_cost_per_million_tokens_usd"), "currencyUSD", 140),
        percent("Cache hits", _of_model("cache_hit_ratio"), 120, decimals=0),
        dollars("Saved", f"-{_of_model('usage_cache_usd')}"),
    )
    return joined(about, {"account": ("Account", 120), "model": ("Model", 400)}, columns)
