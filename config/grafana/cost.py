"""The dashboard Cost anatomy: what the money bought, what caching saves, and what a request of a model costs."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.analytics import NO_COST, TOP, largest_results, result_of
from config.grafana.frame import finished, frame
from config.grafana.panels import DOLLARS, LEGEND, About, Query, figure, graph, ranking
from config.grafana.queries import largest_at_end
from config.grafana.tables import CENTS, Column, joined

MODEL = "account, model"
# The parts of the bill, by the metric that has them.
PARTS = (
    ("Providers", "usage_upstream_usd"),
    ("Caching", "usage_cache_usd"),
    ("Web search", "usage_web_usd"),
    ("Files", "usage_file_usd"),
    ("Data logging", "usage_data_usd"),
    ("Fees for own keys", "byok_fees_usd"),
)


def cost() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-cost",
        "OpenRouter / Cost anatomy",
        "Parts of the bill, what caching saves, and what a request costs.",
        since="now-7d",
    )
    _figures(builder)
    _bill(builder)
    _models(builder)
    return finished(builder)


def _of_month(metric: str) -> str:
    return f"sum({result_of(metric, 'cost_month')})"


def _figures(builder: Builder) -> None:
    builder.with_row(Row("This month"))
    for title, text, unit, expression in (
        ("Spend", "Credits plus what providers charge for your own keys.", DOLLARS, _of_month("total_usage_usd")),
        (
            "Charged to credits",
            "What OpenRouter charges, including fees for your own provider keys.",
            DOLLARS,
            _of_month("credits_usage_usd"),
        ),
        (
            "Own provider keys",
            "What providers charge for your own keys, as estimated by OpenRouter.",
            DOLLARS,
            _of_month("byok_usage_usd"),
        ),
        (
            "Saved by caching",
            "What caching saved. Negative if cache writes cost more than cache reads saved.",
            DOLLARS,
            f"-{_of_month('usage_cache_usd')}",
        ),
        ("Web search", "What web search cost.", DOLLARS, _of_month("usage_web_usd")),
        (
            "Per 1,000 requests",
            "Spend per 1,000 requests.",
            DOLLARS,
            f"1000 * {_of_month('total_usage_usd')} / ({_of_month('requests')} > 0)",
        ),
    ):
        about = About(title=title, description=f"{text} This UTC month so far.", unit=unit, empty=NO_COST)
        builder.with_panel(figure(about, Query(expression, title)).decimals(2))


def _bill(builder: Builder) -> None:
    builder.with_row(Row("Parts of the bill"))
    for title, query in (("Parts of the bill, today", "cost_today"), ("Parts of the bill, this month", "cost_month")):
        about = About(
            title=title,
            description="What was charged to credits. Negative caching and data logging reduced the bill. Parts that "
            "were not used have no bar.",
            unit=DOLLARS,
            empty=NO_COST,
        )
        parts = [Query(f"sum({result_of(metric, query)})", name) for name, metric in PARTS]
        builder.with_panel(ranking(about, *parts, height=8).decimals(2))


def _models(builder: Builder) -> None:
    builder.with_row(Row("Models, the last day"))
    about = About(
        title="A thousand requests",
        description=f"US dollars per thousand requests of a model, over the day before; the {TOP} highest now. It "
        "rises with longer prompts, fewer cache hits and more expensive providers; the alert uses "
        "thresholds.request_cost_ratio.",
        unit=DOLLARS,
        empty=NO_COST,
    )
    spend, requests = (
        f"sum by (model) ({result_of(metric, 'cost_by_model', MODEL)})" for metric in ("total_usage_usd", "requests")
    )
    price = largest_at_end(f"(1000 * {spend} / ({requests} > 0))", "model", TOP)
    builder.with_panel(graph(about, Query(price, "{{model}}"), width=24, height=9, aside=LEGEND))
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
            title=title,
            description=f"{text} Over the day before; the highest of the selected accounts.",
            unit="percentunit",
            empty=NO_COST,
        )
        expression = largest_results(metric, query, "model")
        builder.with_panel(graph(about, Query(expression, "{{model}}"), width=24, height=10, aside=LEGEND))
    about = About(
        title="Models",
        description="The last day. Saved is what caching saved; negative if it added to the bill.",
        unit="short",
        empty=NO_COST,
    )

    def of(metric: str) -> str:
        return result_of(metric, "cost_by_model", MODEL)

    columns = (
        Column("Spend", of("total_usage_usd"), DOLLARS, 110, CENTS),
        Column("Requests", of("requests"), "locale", 110),
        Column("Per 1M tokens", of("blended_cost_per_million_tokens_usd"), "currencyUSD", 140),
        Column("Cache hits", of("cache_hit_ratio"), "percentunit", 120, {"decimals": 0}),
        Column("Saved", f"-{of('usage_cache_usd')}", DOLLARS, 110, CENTS),
    )
    names = {"account": ("Account", 120), "model": ("Model", 400)}
    builder.with_panel(joined(about, names, columns))
