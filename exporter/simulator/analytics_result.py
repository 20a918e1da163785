"""Rows of an analytics response: metrics from totals, in the mixed types of the live service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.simulator.analytics_meta import METRICS
from exporter.simulator.analytics_query import ParsedQuery
from exporter.simulator.analytics_usage import GroupKey, UsageTotals
from exporter.simulator.usage import usd

_BYOK_FEE = 0.05
_DURATIONS = {
    "latency": 1.0,
    "router_latency": 0.004,
    "total_time_to_first_token": 0.9,
    "generation_time": 6.0,
    "inter_token_latency": 0.02,
}
_EXTRAS = ("usage_cache", "usage_web", "usage_upstream_web", "usage_file", "usage_upstream_file")
_STATISTICS = {"avg": 1.0, "p50": 0.8, "p90": 1.7, "p95": 2.2, "p99": 3.6}
_SLOWEST = {"avg": 1.0, "p50": 1.05, "p90": 1.6, "p95": 1.8, "p99": 2.1}

Json = dict[str, Any]


def rows_of(query: ParsedQuery, groups: Mapping[tuple[str, GroupKey], UsageTotals]) -> list[Json]:
    """Return all rows in the requested order."""
    if not groups and not query.labels and query.granularity is None:
        groups = {("", ()): UsageTotals()}  # a total without usage is a row of zeros
    if query.order_by is not None and query.order_by[0] in METRICS:
        field, descending = query.order_by
        size = {key: float(_value(field, group, as_text=False) or 0) for key, group in groups.items()}
        groups = dict(sorted(groups.items(), key=lambda item: size[item[0]], reverse=descending))
    return _ordered(query, [_row(query, bucket, group, totals) for (bucket, group), totals in groups.items()])


def _row(query: ParsedQuery, bucket: str, group: GroupKey, totals: UsageTotals) -> Json:
    row: Json = {}
    if query.granularity is not None:
        row[time_key(query)] = bucket
    for name, (_, label) in zip(query.labels, group, strict=True):
        row[name] = label
        if name == "user":
            row["user_email"] = f"{str(label).lower()}@example.com"
    return row | {name: _value(name, totals, as_text=query.from_rollup) for name in query.metrics}


def time_key(query: ParsedQuery) -> str:
    """Return the name of a row's time field: it depends on the source of the data."""
    return f"{'date' if query.from_rollup else 'created_at'}__{query.granularity}"


def _value(name: str, totals: UsageTotals, *, as_text: bool) -> Any:
    """Return a metric's value: counts are text, except raw reasoning tokens. Rates without requests are null."""
    kind = METRICS[name].display_format
    if kind == "number":
        number = _count(name, totals)
        return number if name == "reasoning_tokens" and not as_text else str(number)
    if METRICS[name].is_rate:
        return _rate(name, totals) if totals.requests else None
    return _cost(name, totals)


def _count(name: str, totals: UsageTotals) -> int:
    return {
        "request_count": totals.requests,
        "tokens_total": totals.prompt + totals.completion,
        "tokens_prompt": totals.prompt,
        "tokens_completion": totals.completion,
        "reasoning_tokens": totals.reasoning,
        "cached_tokens": totals.cached,
        "byok_request_count": totals.byok_requests,
        "possible_cached_tokens": totals.prompt // 2,
        "guardrail_invoked_count": totals.requests // 200,
        "response_cached_count": totals.requests // 50,
    }[name]


def _cost(name: str, totals: UsageTotals) -> float | None:
    fees = round(totals.byok * _BYOK_FEE)
    data, web, file = -(totals.credits // 100), totals.credits // 40, totals.credits // 80
    cache = -(totals.credits * min(totals.cached, totals.prompt) // (2 * totals.prompt or 1))  # what caching saved
    costs = {
        "total_usage": totals.credits + totals.byok,
        "byok_usage": totals.byok,
        "credits_usage": totals.credits,
        "openrouter_usage": totals.credits - fees,
        "byok_fees": fees,
        # The parts of what is charged to credits add up to it.
        "usage_upstream": totals.credits - fees - data - web - file - cache,
        "usage_cache": cache,
        "usage_data": data,
        "usage_web": web,
        "usage_upstream_web": web,
        "usage_file": file,
        "usage_upstream_file": file,
    }
    cost = costs.get(name)
    return usd(cost) if cost is not None and (cost or name not in _EXTRAS) else None  # extras without usage are null


def _rate(name: str, totals: UsageTotals) -> Any:
    statistic, _, kind = name.partition("_")
    if kind in _DURATIONS:
        return round(totals.latency / totals.requests * _DURATIONS[kind] * _STATISTICS[statistic], 2)
    if kind == "throughput":
        speed = round(totals.throughput / totals.requests * _SLOWEST[statistic], 2)
        return str(speed) if statistic == "avg" else speed
    rates = {
        "cache_hit_rate": totals.cached / totals.prompt if totals.prompt else None,
        "guardrail_invoked_rate": totals.requests // 200 / totals.requests,
        "response_cached_rate": totals.requests // 50 / totals.requests,
        "possible_cache_hit_rate": 0.5,
        "cache_capture_rate": min(1.0, totals.cached / totals.prompt * 2) if totals.prompt else None,
        "blended_cost_per_million_tokens": (totals.credits + totals.byok) / (totals.prompt + totals.completion or 1),
    }
    rate = rates[name]
    return None if rate is None else round(rate, 6)


def _ordered(query: ParsedQuery, rows: list[Json]) -> list[Json]:
    if query.order_by is None:
        return sorted(rows, key=lambda row: str(row[time_key(query)]), reverse=True) if query.granularity else rows
    field, descending = query.order_by
    if field in METRICS:
        return rows
    if field == "date":
        field = time_key(query) if query.granularity else field
    return sorted(rows, key=lambda row: str(row.get(field, "")), reverse=descending)
