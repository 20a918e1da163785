"""The analytics API's metrics and dimensions, as far as they are known, by how far back they reach.

The API may have others by now; those are checked by the API alone.
"""

from __future__ import annotations

LONGEST_DAYS, RECENT_DAYS = 367, 31

STATISTICS = ("avg", "p50", "p90", "p95", "p99")
MEASURED = (
    "latency",
    "router_latency",
    "total_time_to_first_token",
    "generation_time",
    "inter_token_latency",
    "throughput",
)

LONG_METRICS = (
    "request_count",
    "tokens_total",
    "tokens_prompt",
    "tokens_completion",
    "reasoning_tokens",
    "cached_tokens",
    "byok_request_count",
    "total_usage",
    "byok_usage",
    "credits_usage",
    "usage_upstream",
    "usage_cache",
    "usage_data",
    "usage_web",
    "usage_upstream_web",
)
RECENT_METRICS = (
    "possible_cached_tokens",
    "guardrail_invoked_count",
    "response_cached_count",
    "openrouter_usage",
    "byok_fees",
    "usage_file",
    "usage_upstream_file",
    "usage_web_fetch",
    "usage_upstream_web_fetch",
    "blended_cost_per_million_tokens",
    *(f"{statistic}_{what}" for what in MEASURED for statistic in STATISTICS),
    "cache_hit_rate",
    "guardrail_invoked_rate",
    "response_cached_rate",
    "possible_cache_hit_rate",
    "cache_capture_rate",
)
METRICS = (*LONG_METRICS, *RECENT_METRICS)

RECENT_DIMENSIONS = (
    "provider",
    "origin",
    "country",
    "data_region",
    "skin",
    "finish_reason",
    "external_user",
    "context_length_bucket",
    "generation_id",
    "session_id",
    "streamed",
)


ROLLUP_METRICS = ("possible_cached_tokens", "possible_cache_hit_rate", "cache_capture_rate")
ROLLUP_DIMENSIONS = ("model", "provider")  # all that those can be split and filtered by


def only_recent(metrics: tuple[str, ...], dimensions: tuple[str, ...]) -> list[str]:
    """Return the names for which the API has data of no more than RECENT_DAYS."""
    return [name for name in metrics if name in RECENT_METRICS] + [
        name for name in dimensions if name in RECENT_DIMENSIONS
    ]
