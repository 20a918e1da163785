"""Thresholds and labels of the configuration as metrics: rules join them with the data on `account`."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Gauge

from exporter.collectors.allocation import ACCOUNT_INFO
from exporter.config.fields import keys_of
from exporter.config.thresholds import Thresholds
from exporter.exposition.metrics_registry import MetricsRegistry

# A metric's name must have a unit (the Prometheus guide on naming); these configuration keys do not.
_UNITS = {
    "data_age": "seconds",
    "credits_left": "seconds",
    "key_expiry": "seconds",
    "key_asleep": "seconds",
    "model_retirement": "seconds",
    "model_share_increase": "ratio",
}


def publish_thresholds(metrics_registry: MetricsRegistry, account: str, thresholds: Thresholds) -> None:
    """Publish an account's thresholds. One that is null has no series, which disables its alert."""
    for key in keys_of(Thresholds).values():
        gauge = Gauge(threshold_name(key.name), key.meaning, ["account"], registry=metrics_registry)
        value = getattr(thresholds, key.name)
        if value is not None:
            gauge.labels(account).set(value)
    metrics_registry.touch()


def publish_labels(metrics_registry: MetricsRegistry, account: str, labels: Mapping[str, str]) -> None:
    """Publish an account's labels; nothing if `allocations.labels` declares none."""
    if labels:
        gauge = Gauge(ACCOUNT_INFO.name, ACCOUNT_INFO.help, ["account", *labels], registry=metrics_registry)
        gauge.labels(account, *labels.values()).set(1)
        metrics_registry.touch()


def threshold_name(key: str) -> str:
    """Return the family of a threshold."""
    return "_".join(filter(None, ("openrouter_threshold", key, _UNITS.get(key))))
