"""PromQL on what analytics presets show, and words that their dashboards share."""

from __future__ import annotations

from config.grafana.queries import ACCOUNT, largest_at_end, once

TOP = 10
TO_MODEL = (
    "/d/openrouter-endpoint?var-account=${__data.fields.Account:percentencode}"
    "&var-model=${__data.fields.Model:percentencode}&${datasource:queryparam}&${__url_time_range}"
)
NO_PERFORMANCE = "No data: is the preset performance of the collector analytics configured, and were there requests?"
NO_COST = "No data: is the preset cost of the collector analytics configured?"


def asked(metric: str, query: str, labels: str = "account", more: str = "") -> str:
    """Return a metric of a query by labels, once, whoever shows it."""
    return once(f"openrouter_analytics_{metric}", labels, matchers(query, more))


def largest_asked(metric: str, query: str, labels: str, more: str = "") -> str:
    """Return the series that are largest at the end of the range."""
    return largest_at_end(asked(metric, query, labels, more), f"{{{matchers(query, more)}}}", labels, TOP)


def matchers(query: str, more: str = "") -> str:
    """Return what selects the series of a query."""
    return ", ".join(part for part in (ACCOUNT, f'query="{query}"', more) if part)
