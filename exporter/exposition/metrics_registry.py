"""The registry of what the exporter says about itself, for one account or for the process."""

from __future__ import annotations

from typing import cast

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from exporter.exposition.families import FamilyType, MetricFamily

# Twice the series for counters, and of no use to Prometheus; has to be said before any metric is made.
disable_created_metrics()  # type: ignore[no-untyped-call]


class MetricsRegistry(CollectorRegistry):
    """A registry that knows when its numbers changed, so that they are rendered anew only then.

    Whoever changes a metric calls `touch()` afterwards.
    """

    def __init__(self) -> None:
        super().__init__(support_collectors_without_names=True)
        self.version = 0
        self._declarations: list[MetricFamily] = []

    def touch(self) -> None:
        """Say that a number changed."""
        self.version += 1

    def register(self, collector: Collector) -> None:
        """Add a metric, and remember what it declares."""
        super().register(collector)
        labels = collector._labelnames if isinstance(collector, MetricWrapperBase) else ()  # noqa: SLF001 — no other way
        for metric in collector.describe() if isinstance(collector, MetricWrapperBase) else collector.collect():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            self._declarations.append(
                MetricFamily(name, metric.documentation, tuple(labels), cast("FamilyType", metric.type))
            )

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return every family, in the order of registration."""
        return tuple(self._declarations)
