"""The labels that the configuration gives to accounts, as a metric: rules join it with the data on `account`."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Gauge

from exporter.collectors.allocation import ACCOUNT_INFO
from exporter.exposition.metrics_registry import MetricsRegistry


def publish_account_labels(metrics_registry: MetricsRegistry, account: str, labels: Mapping[str, str]) -> None:
    """Publish an account's labels; nothing if `allocations.labels` declares none."""
    if labels:
        gauge = Gauge(ACCOUNT_INFO.name, ACCOUNT_INFO.help, ["account", *labels], registry=metrics_registry)
        gauge.labels(account, *labels.values()).set(1)
        metrics_registry.touch()
