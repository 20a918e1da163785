"""Metrics, dimensions, operators and granularities of the analytics API, and how far back each reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

LONG, SHORT = timedelta(days=367), timedelta(days=31)

_COUNTS = ("request_count", "tokens_total", "tokens_prompt", "tokens_completion", "reasoning_tokens", "cached_tokens")
_RECENT_COUNTS = ("possible_cached_tokens", "guardrail_invoked_count", "response_cached_count")
_COSTS = ("total_usage", "byok_usage", "credits_usage", "usage_upstream", "usage_cache", "usage_data", "usage_web")
_RECENT_COSTS = (
    "openrouter_usage",
    "byok_fees",
    "usage_file",
    "usage_upstream_file",
    "usage_web_fetch",
    "usage_upstream_web_fetch",
)
_DURATIONS = ("latency", "router_latency", "total_time_to_first_token", "generation_time", "inter_token_latency")
_RATIOS = (
    "cache_hit_rate",
    "guardrail_invoked_rate",
    "response_cached_rate",
    "possible_cache_hit_rate",
    "cache_capture_rate",
)
STATISTICS = ("avg", "p50", "p90", "p95", "p99")
ROLLUP_ONLY = ("possible_cached_tokens", "possible_cache_hit_rate", "cache_capture_rate")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, its display format, and the longest time range it supports."""

    name: str
    display_format: str
    longest: timedelta
    is_rate: bool = False


def _metrics() -> list[Metric]:
    metrics = [Metric(name, "number", LONG) for name in (*_COUNTS, "byok_request_count")]
    metrics += [Metric(name, "number", SHORT) for name in _RECENT_COUNTS]
    metrics += [Metric(name, "currency", LONG) for name in (*_COSTS, "usage_upstream_web")]
    metrics += [Metric(name, "currency", SHORT) for name in _RECENT_COSTS]
    metrics += [Metric("blended_cost_per_million_tokens", "currency", SHORT, is_rate=True)]
    for duration in _DURATIONS:
        metrics += [Metric(f"{statistic}_{duration}", "latency", SHORT, is_rate=True) for statistic in STATISTICS]
    metrics += [Metric(f"{statistic}_throughput", "throughput", SHORT, is_rate=True) for statistic in STATISTICS]
    metrics += [Metric(name, "percent", SHORT, is_rate=True) for name in _RATIOS]
    return metrics


METRICS = {metric.name: metric for metric in _metrics()}
_LONG_DIMENSIONS = ("model", "variant", "api_key_id", "user", "workspace", "app")
_ORIGIN_DIMENSIONS = ("provider", "origin", "country", "data_region", "skin", "external_user")
_REQUEST_DIMENSIONS = ("finish_reason", "context_length_bucket", "generation_id", "session_id", "streamed")
DIMENSIONS = dict.fromkeys(_LONG_DIMENSIONS, LONG) | dict.fromkeys((*_ORIGIN_DIMENSIONS, *_REQUEST_DIMENSIONS), SHORT)
OPERATORS = dict.fromkeys(("eq", "neq", "gt", "gte", "lt", "lte"), "scalar") | {"in": "array", "not_in": "array"}
GRANULARITIES = ("minute", "hour", "day", "week", "month")


def meta() -> dict[str, Any]:
    """Return the body of `GET /analytics/meta`."""
    metrics = [
        {
            "name": metric.name,
            "display_label": _label(metric.name),
            "is_rate": metric.is_rate,
            "display_format": metric.display_format,
        }
        for metric in METRICS.values()
    ]
    return {
        "data": {
            "metrics": metrics,
            "dimensions": _labelled(DIMENSIONS),
            "operators": [{"name": name, "value_type": kind} for name, kind in OPERATORS.items()],
            "granularities": _labelled(GRANULARITIES),
        }
    }


def _labelled(names: Any) -> list[dict[str, str]]:
    return [{"name": name, "display_label": _label(name)} for name in names]


def _label(name: str) -> str:
    return name.replace("_", " ").title()
