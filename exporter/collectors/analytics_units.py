"""The families of analytics metrics: names, base units, and whether values may be summed.

A unit follows from the metric's name, so that what may be published is known without asking the API. For metrics that
this version does not know, the API's own word must agree, or nothing is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from exporter.collectors.analytics_names import METRICS

PREFIX = "openrouter_analytics_"


class Unit(Enum):
    """What a metric is measured in: the API's word for it, our suffix, our meaning."""

    NUMBER = "number", "", ""
    USD = "currency", "_usd", ", in US dollars"
    RATIO = "percent", "_ratio", ", as a ratio"
    SECONDS = "latency", "_seconds", ", in seconds"
    TOKENS_PER_SECOND = "throughput", "_tokens_per_second", ", in tokens per second"

    def __init__(self, display_format: str, suffix: str, meaning: str) -> None:
        self.display_format = display_format
        self.suffix = suffix
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of the API and the family that it becomes. What may not be summed is a rate or a percentile."""

    metric: str
    family: str
    unit: Unit
    is_known: bool
    may_be_summed: bool

    def converted(self, value: float) -> float:
        """Return the API's number in the family's unit: it measures time in milliseconds."""
        return value / 1000 if self.unit is Unit.SECONDS else value

    @property
    def help(self) -> str:
        """Return what the family is, without when."""
        words = self.metric.replace("_", " ")
        return f"The analytics API's {words}{self.unit.meaning}, over the range of each configured query"


# Suffixes that gauges must not have are replaced; so is a word that would say the unit twice.
_COUNTED = {
    "tokens_total": "tokens",
    "guardrail_invoked_count": "guardrail_invoked_requests",
    "response_cached_count": "response_cached_requests",
}
_TIMES = ("latency", "time", "time_to_first_token")
_MONEY = ("usage", "cost", "fees", "fee", "spend")


def measure(metric: str) -> Measure:
    """Return what a metric is published as."""
    unit = _unit(metric)
    is_known = metric in METRICS
    return Measure(
        metric,
        PREFIX + _stem(metric, unit) + unit.suffix,
        unit,
        is_known,
        may_be_summed=is_known and unit in (Unit.NUMBER, Unit.USD) and not metric.startswith("blended_"),
    )


def _unit(metric: str) -> Unit:
    words = metric.split("_")
    if metric.endswith(_TIMES):
        return Unit.SECONDS
    if words[-1] == "throughput":
        return Unit.TOKENS_PER_SECOND
    if words[-1] == "rate":
        return Unit.RATIO
    return Unit.USD if any(word in _MONEY for word in words) else Unit.NUMBER


def _stem(metric: str, unit: Unit) -> str:
    if metric in _COUNTED:
        return _COUNTED[metric]
    if unit is Unit.RATIO:
        return metric.removesuffix("_rate")
    if unit is Unit.NUMBER and metric.endswith("_count"):
        return metric.removesuffix("_count") + "s"
    return metric.removesuffix("_total")
