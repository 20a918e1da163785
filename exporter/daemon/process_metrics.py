"""Metrics of the process: build, configuration, memory, garbage collection."""

from __future__ import annotations

import platform

from prometheus_client import Gauge, GCCollector, ProcessCollector

from exporter import __version__
from exporter.clock import Clock
from exporter.config.shard import Shard
from exporter.exposition.metrics_registry import MetricsRegistry


class ProcessMetrics:
    """Metrics of the process itself."""

    def __init__(self, metrics_registry: MetricsRegistry, clock: Clock, revision: str, shard: Shard) -> None:
        self._clock = clock
        self._metrics_registry = metrics_registry
        build = Gauge(
            "openrouter_exporter_build_info",
            "Version of the exporter. The value is 1.",
            ["version", "revision", "python_version"],
            registry=metrics_registry,
        )
        build.labels(__version__, revision, platform.python_version()).set(1)
        shard_info = Gauge(
            "openrouter_exporter_shard_info",
            "Index of this exporter's shard, from 0, and number of shards. The value is 1.",
            ["shard_index", "shard_total"],
            registry=metrics_registry,
        )
        shard_info.labels(shard.index, shard.total).set(1)
        self._accounts = Gauge(
            "openrouter_exporter_accounts",
            "Number of accounts that this exporter polls. Can be 0 for a shard.",
            registry=metrics_registry,
        )
        self._reload_success = Gauge(
            "openrouter_exporter_config_last_reload_successful",
            "1 if the last load of the configuration succeeded for every account, else 0.",
            registry=metrics_registry,
        )
        self._reload_time = Gauge(
            "openrouter_exporter_config_last_reload_success_timestamp_seconds",
            "Time of the last successful load of the configuration, as Unix time in seconds.",
            registry=metrics_registry,
        )
        ProcessCollector(registry=metrics_registry)
        GCCollector(registry=metrics_registry)

    def reloaded(self, accounts: int, *, complete: bool) -> None:
        """Record that a configuration came into force; `complete` is whether it did for every account."""
        self._accounts.set(accounts)
        self._reload_success.set(complete)
        self._reload_time.set(self._clock.now().timestamp())
        self._metrics_registry.touch()

    def reload_failed(self) -> None:
        """Record that the last configuration read was invalid; the one before it stays in force."""
        self._reload_success.set(0)
        self._metrics_registry.touch()
