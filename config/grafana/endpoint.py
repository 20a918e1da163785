"""The dashboard Endpoint detail: all measures of one model, provider or endpoint."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import queries
from config.grafana.frame import finished, frame, labels, windows
from config.grafana.overview import BAR_OF_DAY, NO_BAR
from config.grafana.panels import DOLLARS, NARROW_LEGEND, TOKEN_COLOURS, About, Query, colour, days, figure, graph
from config.grafana.tables import CENTS, Column, joined

CHOSEN = 'account=~"$account", model=~"$model", provider=~"$provider"'
NOTHING = "No usage of this selection in this window: select another model or provider, or All."
SERIES = "openrouter_activity_requests"


def endpoint() -> Dashboard:
    """Return the dashboard."""
    builder = (
        frame(
            "openrouter-endpoint",
            "OpenRouter / Endpoint detail",
            "All measures of one model or provider, or of any selection.",
        )
        .with_variable(windows())
        .with_variable(labels("model", "Model", f"{SERIES}{{{queries.ACCOUNT}}}"))
        .with_variable(labels("provider", "Provider", f'{SERIES}{{{queries.ACCOUNT}, model=~"$model"}}'))
    )
    _figures(builder)
    _money(builder)
    _tokens(builder)
    _each(builder)
    return finished(builder)


def _figures(builder: Builder) -> None:
    builder.with_row(Row("${model:text}, ${provider:text}: ${window:text}"))
    spend, requests = (queries.usage(measure, matchers=CHOSEN) for measure in (queries.SPEND, "requests"))
    for title, text, unit, expression in (
        ("Spend", "Credits plus what providers charge to own keys.", DOLLARS, spend),
        ("Requests", "Number of requests.", "locale", requests),
        ("USD per request", "Spend by requests.", "currencyUSD", f"{spend} / ({requests} > 0)"),
        ("USD per 1M tokens", "Spend per million prompt and completion tokens.", "currencyUSD", _price()),
        (
            "Cache hits",
            "Cached tokens by prompt tokens; can be above 100 %.",
            "percentunit",
            _share("cached", "prompt"),
        ),
        (
            "Reasoning",
            "Reasoning tokens by completion tokens; can be above 100 %.",
            "percentunit",
            _share("reasoning", "completion"),
        ),
    ):
        about = About(title=title, description=f"{text} Over the chosen window.", unit=unit, empty=NOTHING)
        panel = figure(about, Query(expression, title))
        builder.with_panel(panel.decimals(2) if unit == DOLLARS else panel)


def _money(builder: Builder) -> None:
    builder.with_row(Row("Spend and price, by day"))
    credits_, own = (queries.daily(_of_day(measure)) for measure in ("usage_usd", "byok_usage_usd"))
    builder.with_panel(
        days(
            _by_day("Spend", "Spend per UTC day: credits, and what providers charge to own keys.", DOLLARS),
            Query(credits_, "credits"),
            Query(own, "own keys"),
        )
    )
    builder.with_panel(
        days(
            _by_day("Requests", "Requests per UTC day.", "locale"),
            Query(queries.daily(_of_day("requests")), "requests"),
        )
    )
    price = queries.daily(queries.price(window=queries.DAY, matchers=CHOSEN))
    about = _by_day("Effective price", "Spend per million prompt and completion tokens, per UTC day.", "currencyUSD")
    builder.with_panel(graph(about, Query(price, "USD per 1M tokens")).interval("1d"))
    price = queries.daily(queries.share(queries.SPEND, "requests", window=queries.DAY, matchers=CHOSEN))
    about = _by_day("Price of a request", "Spend by requests, per UTC day.", "currencyUSD")
    builder.with_panel(graph(about, Query(price, "USD per request")).interval("1d"))


def _tokens(builder: Builder) -> None:
    builder.with_row(Row("Tokens, by day"))
    kinds = ("prompt", "completion", "reasoning", "cached")
    tokens = (Query(queries.daily(_of_day(f"{kind}_tokens")), kind) for kind in kinds)
    about = _by_day(
        "Tokens by kind",
        "Tokens per UTC day. Cached are part of prompt, reasoning mostly of completion tokens.",
        "short",
    )
    builder.with_panel(colour(graph(about, *tokens, aside=NARROW_LEGEND), TOKEN_COLOURS).interval("1d"))
    shares = (
        Query(
            queries.daily(queries.share(f"{part}_tokens", f"{whole}_tokens", window=queries.DAY, matchers=CHOSEN)),
            legend,
        )
        for part, whole, legend in (
            ("cached", "prompt", "cached of prompt"),
            ("reasoning", "completion", "reasoning of completion"),
        )
    )
    about = _by_day("Shares", "Cached of prompt and reasoning of completion tokens, per UTC day.", "percentunit")
    builder.with_panel(graph(about, *shares, aside=NARROW_LEGEND).interval("1d"))


def _each(builder: Builder) -> None:
    builder.with_row(Row("Endpoints of the selection: ${window:text}"))
    names = {
        "account": ("Account", 130),
        "model": ("Model", 255),
        "provider": ("Provider", 140),
        "endpoint_id": ("Endpoint", 320),
    }
    by = ", ".join(names)
    about = About(
        title="Endpoints",
        description="All endpoints of the selection in the chosen window. 'other' sums the endpoints that the exporter "
        "folded.",
        unit="short",
        empty=NOTHING,
    )
    columns = [
        Column(
            title,
            queries.usage(measure, by, matchers=CHOSEN),
            unit,
            100 if title == "Completion" else 90,
            CENTS if unit == DOLLARS else {},
        )
        for title, measure, unit in (
            ("Spend", queries.SPEND, DOLLARS),
            ("Own keys", "byok_usage_usd", DOLLARS),
            ("Requests", "requests", "locale"),
            ("Prompt", "prompt_tokens", "short"),
            ("Completion", "completion_tokens", "short"),
            ("Reasoning", "reasoning_tokens", "short"),
            ("Cached", "cached_tokens", "short"),
        )
    ]
    builder.with_panel(joined(about, names, columns))


def _by_day(title: str, text: str, unit: str) -> About:
    return About(title=title, description=f"{text} {BAR_OF_DAY}", unit=unit, empty=NO_BAR)


def _of_day(measure: str) -> str:
    return queries.usage(measure, window=queries.DAY, matchers=CHOSEN)


def _price() -> str:
    return queries.price(matchers=CHOSEN)


def _share(part: str, whole: str) -> str:
    return queries.share(f"{part}_tokens", f"{whole}_tokens", matchers=CHOSEN)
