"""Rows of `GET /models/{author}/{slug}/endpoints`: uptime, speed and prices of a model's endpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from exporter.api.body import read_object
from exporter.api.field_values import Fields
from exporter.api.model_rows import Pricing, read_pricing
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.errors import InvalidResponse

UPTIMES = {"5m": "uptime_last_5m", "30m": "uptime_last_30m", "1d": "uptime_last_1d"}
PERCENTILES = ("p50", "p75", "p90", "p99")
_PERCENT = 100.0
_MILLISECONDS = 1000.0


class EndpointRow(NamedTuple):
    """One endpoint; None is unknown, or not enough traffic. Latency is in seconds, throughput in tokens per second.

    `uptimes` are ratios in the order of UPTIMES, `latencies` and `throughputs` are in the order of PERCENTILES.
    """

    provider: str
    tag: str
    status: float | None
    uptimes: tuple[float | None, ...]
    latencies: tuple[float | None, ...]
    throughputs: tuple[float | None, ...]
    pricing: Pricing


def read_endpoints(response: Response, rejections: Rejections) -> list[EndpointRow]:
    """Return the endpoints of a model, each provider and tag once. Raises InvalidResponse."""
    listed = read_object(response, "the endpoints of a model").get("endpoints")
    if not isinstance(listed, list):
        raise InvalidResponse("not the endpoints of a model: expected a list in data.endpoints")
    endpoints: dict[tuple[str, str], EndpointRow] = {}
    for row in listed:
        endpoint = _endpoint(row, rejections.unreadable)
        if endpoint is None:
            rejections.reject("missing_provider", row)
        elif endpoints.setdefault((endpoint.provider, endpoint.tag), endpoint) is not endpoint:
            rejections.reject("duplicate", row)
    return list(endpoints.values())


def _endpoint(row: Any, unreadable: Counter[str]) -> EndpointRow | None:
    fields = Fields(row if isinstance(row, Mapping) else {}, unreadable)
    provider = fields.text("provider_name")
    if not provider:
        return None
    return EndpointRow(
        provider=provider,
        tag=fields.text("tag") or "",
        status=fields.amount("status"),
        uptimes=tuple(_ratio(fields, name) for name in UPTIMES.values()),
        latencies=_percentiles(fields, "latency_last_30m", _MILLISECONDS),
        throughputs=_percentiles(fields, "throughput_last_30m", 1.0),
        pricing=read_pricing(fields),
    )


def _ratio(fields: Fields, name: str) -> float | None:
    """Return a percentage as a ratio."""
    percent = fields.count(name)
    if percent is None:
        return None
    if percent > _PERCENT:
        fields.unreadable[name] += 1
        return None
    return percent / _PERCENT


def _percentiles(fields: Fields, name: str, unit: float) -> tuple[float | None, ...]:
    percentiles = Fields(fields.object(name).values)
    values = [percentiles.count(percentile) for percentile in PERCENTILES]
    fields.unreadable.update(f"{name}.{percentile}" for percentile in percentiles.unreadable)
    return tuple(None if value is None else value / unit for value in values)
