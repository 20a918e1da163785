"""Thresholds and budgets of the shipped alerts, for each account.

An alert's expression can't differ by account, so the exporter publishes these as gauges beside the data, and the rules
join the two on `account`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from exporter.config.fields import Settings
from exporter.config.value_types import DAY, YEAR, decimal_number, duration

HOUR = 3600.0

_USD = decimal_number(minimum=0, maximum=1_000_000_000)
_FACTOR = decimal_number(minimum=1, maximum=1_000_000)
_OF_A_WEEK = decimal_number(minimum=1, maximum=6.9)  # the day is one of the seven, so the ratio can't exceed 7
_SHARE = decimal_number(minimum=0, maximum=1)
_TIME = duration(minimum=0, maximum=YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Settings):
    """Thresholds of the alerts in config/prometheus; null disables an alert."""

    budget_ratio: Annotated[float | None, _SHARE, "Alert when this share of a budget is spent."] = 0.8
    spend_ratio: Annotated[float | None, _OF_A_WEEK, "Alert when a day's spend exceeds the 7-day mean times this."] = (
        3.0
    )
    spend_floor_usd: Annotated[float | None, _USD, "No alert about a day's or today's spend below this."] = 1.0
    model_share_increase: Annotated[
        float | None,
        _SHARE,
        "Alert when a model's share of the day's spend is this much above its share of 7 days.",
    ] = 0.3
    requests_floor: Annotated[
        float | None,
        decimal_number(minimum=0, maximum=1e12),
        "Alert when a day has no requests although a usual day has more than this.",
    ] = 100.0
    data_age: Annotated[
        float | None, _TIME, "Alert when the latest day began longer ago than this. Up to 51h is normal."
    ] = 54 * HOUR
    credits_floor_usd: Annotated[float | None, _USD, "Alert when the remaining credit is below this."] = 5.0
    credits_left: Annotated[float | None, _TIME, "Alert when the credit will be used up within this time."] = 7 * DAY
    key_limit_ratio: Annotated[float | None, _SHARE, "Alert when a key has used this share of its limit."] = 0.9
    key_spend_ratio: Annotated[
        float | None, _FACTOR, "Alert when a key spends more today than on an ordinary day of its week times this."
    ] = 5.0
    key_asleep: Annotated[float | None, _TIME, "Alert when a key that was not used for this long is used again."] = (
        30 * DAY
    )
    key_expiry: Annotated[float | None, _TIME, "Alert when a key expires within this time."] = 7 * DAY
    today_ratio: Annotated[
        float | None,
        _FACTOR,
        "Alert when today's spend exceeds that of a usual day up to this hour times this.",
    ] = 2.0
    latency_ratio: Annotated[
        float | None,
        _FACTOR,
        "Alert when the p99 latency of a model or provider exceeds its median of the last day times this.",
    ] = 3.0
    cache_hit_ratio: Annotated[
        float | None, _SHARE, "Alert when a model's cache-hit ratio is below its 7-day mean times this."
    ] = 0.5
    finish_error_ratio: Annotated[
        float | None,
        _SHARE,
        "Alert when this share of a model's requests ends with an error, and twice the share of its last day.",
    ] = 0.05
    request_cost_ratio: Annotated[
        float | None, _FACTOR, "Alert when a model's cost per request exceeds its 7-day mean times this."
    ] = 1.5
    model_retirement: Annotated[
        float | None, _TIME, "Alert when a model used in 7 days is retired within this time."
    ] = 14 * DAY
    list_price_ratio: Annotated[
        float | None, _FACTOR, "Alert when a model's spend over 7 days exceeds its cost at list prices times this."
    ] = 1.5
