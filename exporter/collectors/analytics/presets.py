"""Presets: named sets of analytics queries, so that common questions need one word in the configuration.

Those that name people (`users`: end-user ids) are never on by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.time_ranges import HOUR
from exporter.collectors.periods import CalendarRange
from exporter.config.value_types import DAY

PresetName = Literal["performance", "cost", "keys", "apps", "users"]

_SPEED = tuple(
    f"{statistic}_{what}" for what in ("latency", "router_latency", "throughput") for statistic in ("p50", "p95", "p99")
)
_BILL = (
    "total_usage",
    "credits_usage",
    "byok_usage",
    "byok_fees",
    "usage_upstream",
    "usage_cache",
    "usage_web",
    "usage_file",
    "usage_data",
    "request_count",
)
_SPEND = ("total_usage", "request_count", "tokens_total")
MOST_SERIES = 100
MOST_ENDPOINTS = 200


def _spend_by(preset: str, dimension: str) -> tuple[AnalyticsQuery, ...]:
    """Return what each value of a dimension spent today and this month."""
    ranges: tuple[CalendarRange, ...] = ("today", "month")
    return tuple(
        AnalyticsQuery(
            name=f"{preset}_{range_}", metrics=_SPEND, dimensions=(dimension,), range=range_, max_series=MOST_SERIES
        )
        for range_ in ranges
    )


PRESETS: Mapping[PresetName, tuple[AnalyticsQuery, ...]] = {
    "performance": (
        AnalyticsQuery(
            name="performance",
            metrics=(*_SPEED, "request_count"),
            dimensions=("model", "provider"),
            range=HOUR,
            max_series=MOST_ENDPOINTS,
        ),
        AnalyticsQuery(
            name="performance_by_provider",
            metrics=(*_SPEED, "request_count"),
            dimensions=("provider",),
            range=HOUR,
            max_series=MOST_SERIES,
        ),
        AnalyticsQuery(
            name="finish_reasons",
            metrics=("request_count",),
            dimensions=("model", "finish_reason"),
            range=HOUR,
            max_series=MOST_ENDPOINTS,
        ),
        AnalyticsQuery(name="streamed", metrics=("request_count",), dimensions=("streamed",), range=HOUR),
    ),
    "cost": (
        AnalyticsQuery(name="cost_today", metrics=_BILL, range="today"),
        AnalyticsQuery(name="cost_month", metrics=_BILL, range="month"),
        AnalyticsQuery(
            name="cost_by_model",
            metrics=(
                "total_usage",
                "request_count",
                "tokens_prompt",
                "cached_tokens",
                "usage_cache",
                "cache_hit_rate",
                "blended_cost_per_million_tokens",
            ),
            dimensions=("model",),
            range=DAY,
            max_series=MOST_SERIES,
        ),
        AnalyticsQuery(
            name="cache_by_model",
            metrics=("possible_cached_tokens", "possible_cache_hit_rate", "cache_capture_rate"),
            dimensions=("model",),
            range=DAY,
            max_series=MOST_SERIES,
        ),
    ),
    "keys": _spend_by("keys", "api_key_id"),
    "apps": _spend_by("apps", "app"),
    "users": _spend_by("users", "external_user"),
}
DEFAULT: tuple[PresetName, ...] = ("performance", "cost")
