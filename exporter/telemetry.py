"""The registry of what the exporter says about itself, for one account or for the process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, disable_created_metrics

# Twice the series for counters, and of no use to Prometheus; has to be said before any metric is made.
disable_created_metrics()


class Telemetry(CollectorRegistry):
    """A registry that knows when its numbers changed, so that they are rendered anew only then.

    Whoever changes a metric calls `touch()` afterwards.
    """

    def __init__(self) -> None:
        super().__init__(support_collectors_without_names=True)
        self.version = 0

    def touch(self) -> None:
        """Say that a number changed."""
        self.version += 1
