"""Metrics of requests: responses and failures per account, durations over all accounts."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from exporter.errors import STATUS_CLASSES, AttemptError
from exporter.exposition.metrics_registry import MetricsRegistry

# Rules look for an increase of these; a series that begins at 1 has none.
WATCHED_CODES = ("200", "401", "403", "429")


class ApiMetrics:
    """Counters of one account's requests. The series of `operations` exist from the start.

    Requests for the public catalogue, which has no account, have the same families without the label `account`.
    """

    def __init__(self, metrics_registry: MetricsRegistry, account: str | None, operations: tuple[str, ...]) -> None:
        self._metrics_registry = metrics_registry
        self._owner = () if account is None else (account,)
        owner = [] if account is None else ["account"]

        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(f"openrouter_exporter_api_{name}_total", help_, [*owner, *labels], registry=metrics_registry)

        self._responses = counter("responses", "Responses of the OpenRouter API, by status code.", "operation", "code")
        self._failures = counter("failures", "Failed request attempts, by status class.", "operation", "status_class")
        self._retries = counter("retries", "Retries of failed request attempts.", "operation")
        self._throttled = counter(
            "throttled_requests", "Requests delayed by the exporter's own rate limit for the account.", "operation"
        )
        self._waited = counter(
            "throttled_seconds", "Seconds that requests were delayed by the exporter's own rate limit for the account."
        )
        self._series(self._waited)
        for operation in operations:
            self._retries.labels(*self._owner, operation)
            self._throttled.labels(*self._owner, operation)
            for code in WATCHED_CODES:
                self._responses.labels(*self._owner, operation, code)
            for status_class in STATUS_CLASSES:
                self._failures.labels(*self._owner, operation, status_class)

    def responded(self, operation: str, status: int) -> None:
        """Count a response, whatever its status."""
        self._count(self._responses, operation, str(status))

    def failed(self, operation: str, error: AttemptError) -> None:
        """Count a failed attempt."""
        self._count(self._failures, operation, error.status_class)

    def retried(self, operation: str) -> None:
        """Count an attempt after a failed one."""
        self._count(self._retries, operation)

    def throttled(self, operation: str) -> None:
        """Count a request that has to wait for a slot."""
        self._count(self._throttled, operation)

    def waited(self, seconds: float) -> None:
        """Count the time that a request waited for a slot."""
        self._count(self._waited, by=seconds)

    def _count(self, counter: Counter, *labels: str, by: float = 1) -> None:
        self._series(counter, *labels).inc(by)
        self._metrics_registry.touch()

    def _series(self, counter: Counter, *labels: str) -> Counter:
        values = (*self._owner, *labels)
        return counter.labels(*values) if values else counter  # without labels it is its own only series


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
