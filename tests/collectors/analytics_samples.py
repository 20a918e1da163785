"""Rows, queries and polls for the tests of the collectors that read the analytics API."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from exporter.collectors.analytics.analytics_collector import AnalyticsCollector
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.today import TodayCollector, TodaySettings
from exporter.simulator.analytics_meta import meta as simulated_meta
from tests.collectors.helpers import response_of
from tests.collectors.scripted_polls import PollResult, Reply, ScriptedClient, poll_once
from tests.support import NOON

PREFIX = "openrouter_analytics_"
META = response_of(json.dumps(simulated_meta()).encode(), NOON)


def row(model: Any = "acme/one-2026", provider: Any = "Acme", **fields: Any) -> dict[str, Any]:
    """Return a row with the number types that the live service mixes. A field set to ... is left out."""
    whole = {
        "model": model,
        "provider": provider,
        "credits_usage": 1.5,
        "byok_usage": 2.5,
        "request_count": "3",
        "tokens_prompt": "4",
        "tokens_completion": "5",
        "reasoning_tokens": 6,
        "cached_tokens": "7",
        "byok_request_count": "8",
    } | fields
    return {name: value for name, value in whole.items() if value is not ...}


def today(client: ScriptedClient | list[Reply], *, now: datetime = NOON, **settings: Any) -> PollResult:
    return poll_once(TodayCollector("default", TodaySettings(**settings)), client, now=now, prefix="openrouter_today_")


def query(name: str = "one", metrics: str = "request_count", dimensions: str = "model", **more: Any) -> AnalyticsQuery:
    return AnalyticsQuery(name=name, metrics=tuple(metrics.split()), dimensions=tuple(dimensions.split()), **more)


def collector(*queries: AnalyticsQuery, **settings: Any) -> AnalyticsCollector:
    return AnalyticsCollector("default", AnalyticsSettings(presets=(), queries=queries, **settings))


def analytics(*queries: AnalyticsQuery, replies: list[Reply], **settings: Any) -> PollResult:
    """Poll these queries. The simulator's metadata define the names."""
    return poll_once(collector(*queries, **settings), [META, *replies], prefix=PREFIX)
