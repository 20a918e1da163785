"""What the shipped alerts compare with, for each account: thresholds and budgets in one place.

Rules can't be edited per account without editing expressions, so the exporter publishes these as gauges beside the
data, and the rules join the two on `account`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from exporter.config.fields import Settings
from exporter.config.value_types import DAY, YEAR, decimal_number, duration

HOUR = 3600.0

_USD = decimal_number(minimum=0, maximum=1_000_000_000)
_FACTOR = decimal_number(minimum=1, maximum=1_000_000)
_OF_A_WEEK = decimal_number(minimum=1, maximum=6.9)  # the day is one of the seven, so no ratio is above 7
_SHARE = decimal_number(minimum=0, maximum=1)
_TIME = duration(minimum=0, maximum=YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Settings):
    """What the alerts of config/prometheus compare with; null switches an alert off."""

    month_budget_usd: Annotated[float | None, _USD, "The month, projected to its end, costs more than this."] = None
    spend_ratio: Annotated[float | None, _OF_A_WEEK, "A day costs more than this many times its 7-day mean."] = 3.0
    spend_floor_usd: Annotated[
        float | None, _USD, "No alert about a day's or today's spend while it is less than this."
    ] = 1.0
    model_share_increase: Annotated[
        float | None, _SHARE, "A model's share of the day's spend is above its share of 7 days by more than this."
    ] = 0.3
    requests_floor: Annotated[
        float | None,
        decimal_number(minimum=0, maximum=1e12),
        "A day without requests where a usual one has more than this.",
    ] = 100.0
    data_age: Annotated[
        float | None, _TIME, "The latest day began longer ago than this; 51h is what an orderly API can reach."
    ] = 54 * HOUR
    credits_floor_usd: Annotated[float | None, _USD, "Less credit than this is left."] = 5.0
    credits_left: Annotated[float | None, _TIME, "The credit lasts for less than this, used as it is now."] = 7 * DAY
    key_limit_ratio: Annotated[float | None, _SHARE, "A key has used more than this share of its limit."] = 0.9
    key_expiry: Annotated[float | None, _TIME, "A key expires within this time."] = 7 * DAY
    today_ratio: Annotated[
        float | None, _FACTOR, "Today costs more than this many times what a usual day does up to the same hour."
    ] = 2.0
    latency_ratio: Annotated[
        float | None, _FACTOR, "A model's p99 latency is more than this many times its own day's."
    ] = 3.0
