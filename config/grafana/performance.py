"""The dashboard Performance: latency, throughput and finish reasons of the last hour, by model and provider."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.analytics import NO_PERFORMANCE, TOP, largest_results, result_of
from config.grafana.frame import finished, frame, labels, row
from config.grafana.panels import NARROW_LEGEND, About, AnyPanel, Query, figure, graph, ranking, stacked
from config.grafana.queries import ACCOUNT, largest, ratio, series
from config.grafana.tables import Column, joined

CHOSEN = 'model=~"$model", provider=~"$provider"'
OF_PROVIDER = 'provider=~"$provider"'
KNOWN = series("openrouter_analytics_p99_latency_seconds", f'{ACCOUNT}, query="performance"')
PAIR_LEGEND = 520  # pixels for a model at a provider and a number
LAST_HOUR = "Each point covers the hour before it; of several accounts, the highest."


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-performance",
            "OpenRouter / Performance",
            "Latency, throughput and finish reasons by model and provider.",
            labels("model", "Model", KNOWN),
            labels("provider", "Provider", KNOWN),
            since="now-24h",
        ),
        row("The last hour", *_figures()),
        row("Models", _latency_by_model("p50"), _latency_by_model("p99"), _models_and_providers()),
        row("Providers", *_by_provider()),
        row("How requests end", _finish_reasons(), _errors_by_model()),
    )


def _of_pair(metric: str) -> str:
    """Return a metric of each model at each provider."""
    return result_of(metric, "performance", "account, model, provider", CHOSEN)


def _ended(more: str = "") -> str:
    """Return requests by model and finish reason."""
    return result_of("requests", "finish_reasons", "account, model, finish_reason", more)


def _errors(by: str = "") -> str:
    """Return the share of requests that ended with an error, 0 where none did."""
    errors, every = (f"sum{by}({_ended(more)})" for more in ('finish_reason=~"error|content_filter"', ""))
    return ratio(f"({errors} or 0 * {every})", every)


def _streamed() -> str:
    streamed = result_of("requests", "streamed", "account", 'streamed="true"')
    return ratio(f"sum({streamed})", f"sum({result_of('requests', 'streamed', 'account, streamed')})")


def _figures() -> Iterator[AnyPanel]:
    metrics = ("p99_latency_seconds", "p50_latency_seconds", "p95_router_latency_seconds", "requests")
    p99, median, routing, requests = (_of_pair(metric) for metric in metrics)
    text = "Share of all requests with the finish reason error or content_filter."
    for title, description, unit, expression in (
        ("Slowest p99", "Highest p99 latency of a model at a provider.", "s", f"max({p99})"),
        ("Slowest median", "Highest median latency of a model at a provider.", "s", f"max({median})"),
        ("Slowest routing", "Highest p95 of the time that OpenRouter's routing takes.", "s", f"max({routing})"),
        ("Requests", "Requests to the selected models and providers.", "locale", f"sum({requests})"),
        ("Streamed", "Share of all requests that are streamed.", "percentunit", _streamed()),
        ("Ended with errors", text, "percentunit", _errors()),
    ):
        yield figure(About(title, description, unit, NO_PERFORMANCE), expression)


def _latency_by_model(statistic: str) -> AnyPanel:
    about = About(
        f"Latency by model, {statistic}",
        f"Seconds to the first token, or to the end if the response is not streamed; the {TOP} slowest now. "
        f"{LAST_HOUR}",
        "s",
        NO_PERFORMANCE,
    )
    slowest = largest_results(f"{statistic}_latency_seconds", "performance", "model, provider", CHOSEN)
    return graph(about, Query(slowest, "{{model}} at {{provider}}"), width=24, height=10, aside=PAIR_LEGEND)


def _models_and_providers() -> AnyPanel:
    about = About(
        "Models and providers",
        "The last hour. Latency in seconds, throughput in tokens per second.",
        "short",
        NO_PERFORMANCE,
    )
    columns = (
        Column("Requests", _of_pair("requests"), "locale"),
        Column("p50", _of_pair("p50_latency_seconds"), "s", 90),
        Column("p95", _of_pair("p95_latency_seconds"), "s", 90),
        Column("p99", _of_pair("p99_latency_seconds"), "s", 90),
        Column("Routing p95", _of_pair("p95_router_latency_seconds"), "s", 120),
        Column("Tokens/s p50", _of_pair("p50_throughput_tokens_per_second"), "none", 130, {"decimals": 0}),
    )
    names = {"account": ("Account", 120), "model": ("Model", 380), "provider": ("Provider", 170)}
    return joined(about, names, columns)


def _by_provider() -> Iterator[AnyPanel]:
    for title, text, metric, unit in (
        ("Latency by provider", "p99 of all models of a provider.", "p99_latency_seconds", "s"),
        ("Router latency", "p95 of the time that OpenRouter's routing takes.", "p95_router_latency_seconds", "s"),
        ("Throughput by provider", "Median tokens per second.", "p50_throughput_tokens_per_second", "none"),
    ):
        about = About(title, f"{text} {LAST_HOUR}", unit, NO_PERFORMANCE)
        highest = largest_results(metric, "performance_by_provider", "provider", OF_PROVIDER)
        yield graph(about, Query(highest, "{{provider}}"), width=24, height=10, aside=NARROW_LEGEND)


def _finish_reasons() -> AnyPanel:
    about = About(
        "Finish reasons",
        f"Requests of all models by finish reason. {LAST_HOUR} The API does not report requests that fail before a "
        "model is called.",
        "locale",
        NO_PERFORMANCE,
    )
    query = Query(f"sum by (finish_reason) ({_ended()})", "{{finish_reason}}")
    return stacked(about, query, aside=NARROW_LEGEND)


def _errors_by_model() -> AnyPanel:
    about = About(
        "Ended with errors by model",
        "Share of a model's requests with the finish reason error or content_filter in the last hour; the "
        f"{TOP} highest, without models of which none ended so. The alert uses thresholds.finish_error_ratio.",
        "percentunit",
        "No request of the last hour ended with an error, or the preset performance is not configured.",
        "none",
    )
    return ranking(about, Query(largest(f"{_errors(' by (model) ')} > 0", TOP), "{{model}}"), width=24)
