"""A registry for the exporter's metrics about itself: one per account, and one for the process."""

from __future__ import annotations

from typing import cast

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from exporter.exposition.families import FamilyType, MetricFamily

# _created series double the number of counter series, and Prometheus ignores them. Must precede the first metric.
disable_created_metrics()  # type: ignore[no-untyped-call]


class MetricsRegistry(CollectorRegistry):
    """A registry with a version, so that it is rendered only after a change.

    Call `touch()` after changing a metric.
    """

    def __init__(self) -> None:
        super().__init__(support_collectors_without_names=True)
        self.version = 0
        self._families: list[MetricFamily] = []

    def touch(self) -> None:
        """Note that a value changed."""
        self.version += 1

    def register(self, collector: Collector) -> None:
        """Add a metric, and remember its name, HELP text, type and labels."""
        super().register(collector)
        labels = collector._labelnames if isinstance(collector, MetricWrapperBase) else ()  # noqa: SLF001 — no other way
        for metric in collector.describe() if isinstance(collector, MetricWrapperBase) else collector.collect():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            self._families.append(
                MetricFamily(name, metric.documentation, tuple(labels), cast("FamilyType", metric.type))
            )

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return every metric family, in the order of registration."""
        return tuple(self._families)
