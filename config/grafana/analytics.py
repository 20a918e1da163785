"""PromQL on what analytics presets show, and words that their dashboards share."""

from __future__ import annotations

from config.grafana.queries import ACCOUNT, largest_at_end, named_as_completed_days, once

TOP = 10
NOT_SUMMED = ("_seconds", "_per_second", "_ratio", "_per_million_tokens_usd")  # endings of metrics that are averages
SOON = "A graph begins some minutes after the exporter's first poll."
NO_PERFORMANCE = (
    f"No data: is the preset performance of the collector analytics configured, and were there requests? {SOON}"
)
NO_COST = f"No data: is the preset cost of the collector analytics configured? {SOON}"


def result_of(metric: str, query: str, labels: str = "account", more: str = "") -> str:
    """Return a metric of a query by labels, once, whoever shows it; models by their names in completed days."""
    matchers = ", ".join(filter(None, (ACCOUNT, f'query="{query}"', more)))
    shown = once(f"openrouter_analytics_{metric}", labels, matchers)
    if "model" not in labels.split(", "):
        return shown
    return named_as_completed_days(shown, labels, "max" if metric.endswith(NOT_SUMMED) else "sum")


def largest_results(metric: str, query: str, labels: str, more: str = "") -> str:
    """Return the series that are largest at the end of the range."""
    return largest_at_end(result_of(metric, query, labels, more), labels, TOP)
