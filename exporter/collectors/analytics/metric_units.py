"""The families of analytics metrics: names, base units, and whether values may be summed.

The unit follows from the metric's name, so that the families are known without a request. For a metric that this
version does not know, the unit that the API reports must agree, or nothing is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from exporter.collectors.analytics.known_names import METRICS

PREFIX = "openrouter_analytics_"


class Unit(Enum):
    """The unit of a metric: the API's word for it, the suffix of the family's name, and a phrase for its HELP."""

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
    """A metric of the API and its family. Rates and percentiles may not be summed."""

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
        """The HELP text."""
        return f"Analytics metric {self.metric} over the query's time range{self.unit.meaning}."


# Gauges must not have these suffixes, nor name their unit twice.
_COUNTED = {
    "tokens_total": "tokens",
    "guardrail_invoked_count": "guardrail_invoked_requests",
    "response_cached_count": "response_cached_requests",
}
_TIMES = ("latency", "time", "time_to_first_token")
_MONEY = ("usage", "cost", "fees", "fee", "spend")


def measure(metric: str) -> Measure:
    """Return the measure that a metric becomes."""
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
