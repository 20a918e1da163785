"""Metrics of requests: responses and failures per account, durations over all accounts."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from exporter.errors import STATUS_CLASSES, AttemptError
from exporter.exposition.metrics_registry import MetricsRegistry

# Rules look for an increase of these; a series that begins at 1 has none.
WATCHED_CODES = ("200", "401", "403", "429")


class ApiMetrics:
    """What is counted about one account's requests. `operations` have their series from the start."""

    def __init__(self, metrics_registry: MetricsRegistry, account: str, operations: tuple[str, ...]) -> None:
        self._metrics_registry = metrics_registry
        self._account = account
        self._responses = Counter(
            "openrouter_exporter_api_responses_total",
            "Responses of the OpenRouter API, by status code.",
            ["account", "operation", "code"],
            registry=metrics_registry,
        )
        self._failures = Counter(
            "openrouter_exporter_api_failures_total",
            "Failed request attempts, by status class.",
            ["account", "operation", "status_class"],
            registry=metrics_registry,
        )
        self._retries = Counter(
            "openrouter_exporter_api_retries_total",
            "Retries of failed request attempts.",
            ["account", "operation"],
            registry=metrics_registry,
        )
        self._throttled = Counter(
            "openrouter_exporter_api_throttled_requests_total",
            "Requests delayed by the exporter's own rate limit for the account.",
            ["account", "operation"],
            registry=metrics_registry,
        )
        self._waited = Counter(
            "openrouter_exporter_api_throttled_seconds_total",
            "Seconds that requests were delayed by the exporter's own rate limit for the account.",
            ["account"],
            registry=metrics_registry,
        )
        self._waited.labels(account)
        for operation in operations:
            for code in WATCHED_CODES:
                self._responses.labels(account, operation, code)
            self._retries.labels(account, operation)
            self._throttled.labels(account, operation)
            for status_class in STATUS_CLASSES:
                self._failures.labels(account, operation, status_class)

    def responded(self, operation: str, status: int) -> None:
        """Count a response, whatever its status."""
        self._responses.labels(self._account, operation, str(status)).inc()
        self._metrics_registry.touch()

    def failed(self, operation: str, error: AttemptError) -> None:
        """Count a failed attempt."""
        self._failures.labels(self._account, operation, error.status_class).inc()
        self._metrics_registry.touch()

    def retried(self, operation: str) -> None:
        """Count an attempt after a failed one."""
        self._retries.labels(self._account, operation).inc()
        self._metrics_registry.touch()

    def throttled(self, operation: str) -> None:
        """Count a request that has to wait for a slot."""
        self._throttled.labels(self._account, operation).inc()
        self._metrics_registry.touch()

    def waited(self, seconds: float) -> None:
        """Count what such a request waited."""
        self._waited.labels(self._account).inc(seconds)
        self._metrics_registry.touch()


class RequestDuration:
    """How long attempts take, over all accounts."""

    def __init__(self, metrics_registry: MetricsRegistry, operations: tuple[str, ...]) -> None:
        self._metrics_registry = metrics_registry
        self._histogram = Histogram(
            "openrouter_exporter_api_request_duration_seconds",
            "Duration of one request attempt in seconds, including the body.",
            ["operation"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=metrics_registry,
        )
        for operation in operations:
            self._histogram.labels(operation)

    def observe(self, operation: str, seconds: float) -> None:
        """Record one attempt."""
        self._histogram.labels(operation).observe(seconds)
        self._metrics_registry.touch()
