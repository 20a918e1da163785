"""The dashboard Performance: latency, throughput and finish reasons of the last hour, by model and provider."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.analytics import NO_PERFORMANCE, TOP, largest_results, result_of
from config.grafana.frame import finished, frame, labels
from config.grafana.panels import NARROW_LEGEND, About, Query, figure, graph, ranking, stacked
from config.grafana.queries import ACCOUNT
from config.grafana.tables import Column, joined

CHOSEN = 'model=~"$model", provider=~"$provider"'
OF_PROVIDER = 'provider=~"$provider"'
SERIES = f'openrouter_analytics_p99_latency_seconds{{{ACCOUNT}, query="performance"}}'
PAIR = "account, model, provider"
PAIR_LEGEND = 520  # pixels for a model at a provider and a number
LAST_HOUR = "Each point covers the hour before it; of several accounts, the highest."


def performance() -> Dashboard:
    """Return the dashboard."""
    builder = (
        frame(
            "openrouter-performance",
            "OpenRouter / Performance",
            "Latency, throughput and finish reasons by model and provider.",
            since="now-24h",
        )
        .with_variable(labels("model", "Model", SERIES))
        .with_variable(labels("provider", "Provider", SERIES))
    )
    _figures(builder)
    _models(builder)
    _providers(builder)
    _ends(builder)
    return finished(builder)


def _errors(by: str = "") -> str:
    """Return the share of requests that ended with an error, 0 where none did."""
    errors = 'finish_reason=~"error|content_filter"'
    counted = "account, model, finish_reason"
    every = f"sum{by}({result_of('requests', 'finish_reasons', counted)})"
    return f"(sum{by}({result_of('requests', 'finish_reasons', counted, errors)}) or 0 * {every}) / ({every} > 0)"


def _streamed() -> str:
    streamed = result_of("requests", "streamed", "account", 'streamed="true"')
    return f"sum({streamed}) / (sum({result_of('requests', 'streamed', 'account, streamed')}) > 0)"


def _figures(builder: Builder) -> None:
    builder.with_row(Row("The last hour"))
    for title, text, unit, expression in (
        ("Slowest p99", "Highest p99 latency of a model at a provider.", "s", f"max({_slow('p99_latency_seconds')})"),
        (
            "Slowest median",
            "Highest median latency of a model at a provider.",
            "s",
            f"max({_slow('p50_latency_seconds')})",
        ),
        (
            "Slowest routing",
            "Highest p95 of the time that OpenRouter's routing takes.",
            "s",
            f"max({_slow('p95_router_latency_seconds')})",
        ),
        ("Requests", "Requests to the selected models and providers.", "locale", f"sum({_slow('requests')})"),
        ("Streamed", "Share of all requests that are streamed.", "percentunit", _streamed()),
        (
            "Ended with errors",
            "Share of all requests with the finish reason error or content_filter.",
            "percentunit",
            _errors(),
        ),
    ):
        about = About(title=title, description=text, unit=unit, empty=NO_PERFORMANCE)
        builder.with_panel(figure(about, Query(expression, title)))


def _slow(metric: str) -> str:
    return result_of(metric, "performance", PAIR, CHOSEN)


def _models(builder: Builder) -> None:
    builder.with_row(Row("Models"))
    for statistic in ("p50", "p99"):
        about = About(
            title=f"Latency by model, {statistic}",
            description=f"Seconds to the first token, or to the end if the response is not streamed; the {TOP} slowest "
            f"now. {LAST_HOUR}",
            unit="s",
            empty=NO_PERFORMANCE,
        )
        query = Query(
            largest_results(f"{statistic}_latency_seconds", "performance", "model, provider", CHOSEN),
            "{{model}} at {{provider}}",
        )
        builder.with_panel(graph(about, query, width=24, height=10, aside=PAIR_LEGEND))
    about = About(
        title="Models and providers",
        description="The last hour. Latency in seconds, throughput in tokens per second.",
        unit="short",
        empty=NO_PERFORMANCE,
    )
    columns = (
        Column("Requests", _slow("requests"), "locale", 110),
        Column("p50", _slow("p50_latency_seconds"), "s", 90),
        Column("p95", _slow("p95_latency_seconds"), "s", 90),
        Column("p99", _slow("p99_latency_seconds"), "s", 90),
        Column("Routing p95", _slow("p95_router_latency_seconds"), "s", 120),
        Column("Tokens/s p50", _slow("p50_throughput_tokens_per_second"), "none", 130, {"decimals": 0}),
    )
    names = {"account": ("Account", 120), "model": ("Model", 380), "provider": ("Provider", 170)}
    builder.with_panel(joined(about, names, columns))


def _providers(builder: Builder) -> None:
    builder.with_row(Row("Providers"))
    for title, text, metric, unit in (
        ("Latency by provider", "p99 of all models of a provider.", "p99_latency_seconds", "s"),
        ("Router latency", "p95 of the time that OpenRouter's routing takes.", "p95_router_latency_seconds", "s"),
        ("Throughput by provider", "Median tokens per second.", "p50_throughput_tokens_per_second", "none"),
    ):
        about = About(title=title, description=f"{text} {LAST_HOUR}", unit=unit, empty=NO_PERFORMANCE)
        expression = largest_results(metric, "performance_by_provider", "provider", OF_PROVIDER)
        query = Query(expression, "{{provider}}")
        builder.with_panel(graph(about, query, width=24, height=10, aside=NARROW_LEGEND))


def _ends(builder: Builder) -> None:
    builder.with_row(Row("How requests end"))
    about = About(
        title="Finish reasons",
        description=f"Requests of all models by finish reason. {LAST_HOUR} The API does not report requests that "
        "fail before a model is called.",
        unit="locale",
        empty=NO_PERFORMANCE,
    )
    counted = result_of("requests", "finish_reasons", "account, model, finish_reason")
    query = Query(f"sum by (finish_reason) ({counted})", "{{finish_reason}}")
    builder.with_panel(stacked(about, query, aside=NARROW_LEGEND))
    about = About(
        title="Ended with errors by model",
        description="Share of a model's requests with the finish reason error or content_filter in the last hour; "
        f"the {TOP} highest, without models of which none ended so. The alert uses thresholds.finish_error_ratio.",
        unit="percentunit",
        empty="No request of the last hour ended with an error, or the preset performance is not configured.",
        short="none",
    )
    shares = f"topk({TOP}, {_errors(' by (model) ')} > 0)"
    builder.with_panel(ranking(about, Query(shares, "{{model}}"), width=24))
