"""Health metrics of the collectors, declared here for all collectors of an account and set by their pollers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

from prometheus_client import Counter, Gauge

from exporter.collectors.base import Collector
from exporter.exposition.metrics_registry import MetricsRegistry

SkipReason = Literal["still_running", "retry_after"]
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)


class CollectorMetrics:
    """Health metrics of all collectors of one account; every series exists from the start.

    Collectors of no account, those of the public catalogue, have the same families without the label `account`, and
    no `openrouter_up`.
    """

    def __init__(
        self, metrics_registry: MetricsRegistry, account: str | None, collectors: Iterable[Collector[Any]]
    ) -> None:
        self.metrics_registry = metrics_registry
        self._owner = () if account is None else (account,)
        self._of_collector: list[Gauge] = []
        owner = [] if account is None else ["account"]

        def gauge(name: str, help_: str) -> Gauge:
            metric = Gauge(f"openrouter_{name}", help_, [*owner, "collector"], registry=metrics_registry)
            self._of_collector.append(metric)
            return metric

        def counter(name: str, help_: str, *labels: str) -> Counter:
            names = [*owner, "collector", *labels]
            return Counter(f"openrouter_exporter_{name}_total", help_, names, registry=metrics_registry)

        self._up = None
        if account is not None:
            self._up = Gauge(
                "openrouter_up",
                "1 if the last poll of every enabled collector succeeded, else 0.",
                owner,
                registry=metrics_registry,
            )
            self._up.labels(account)
        self.success = gauge("collector_success", "1 if the last poll succeeded, else 0.")
        self.duration = gauge("collector_duration_seconds", "Duration of the last poll in seconds, retries included.")
        self.interval = gauge("collector_interval_seconds", "Seconds between polls.")
        self.last_attempt = gauge(
            "collector_last_attempt_timestamp_seconds",
            "Start of the last poll, as Unix time in seconds; 0 if there was none.",
        )
        self.last_success = gauge(
            "collector_last_success_timestamp_seconds",
            "Start of the last successful poll, as Unix time in seconds; 0 if there was none.",
        )
        self.failed_attempts = gauge(
            "collector_failed_attempts", "Failed attempts of the request that is being retried; 0 if none is."
        )
        self.series = gauge("collector_series", "Number of series published, as of the last poll.")
        self.rows_rejected = gauge(
            "collector_rows_rejected",
            "API rows that the published totals lack: rejected, or without an amount, in the last successful poll.",
        )
        self.rejected = counter("rows_rejected", "API rows rejected, by reason; counted again on every poll.", "reason")
        self.unreadable = counter(
            "fields_unreadable",
            "Fields of API rows without a usable value, by field. Their rows are used without them.",
            "field",
        )
        self.restated = counter("rows_restated", "Rows of a day read before whose numbers changed.")
        self.skipped = counter("polls_skipped", "Polls that were due but not made, by reason.", "reason")
        self.folded = gauge(
            "exporter_endpoints_folded", "Number of endpoints or keys folded into the label value other."
        )
        for collector in collectors:
            self._start_at_zero(collector)

    def all_succeeded(self, yes: bool) -> None:  # noqa: FBT001 — the value to set, not a switch
        """Record whether the last poll of every enabled collector succeeded."""
        if self._up is not None:
            self._up.labels(*self._owner).set(yes)
            self.metrics_registry.touch()

    def labels_of(self, collector: str) -> tuple[str, ...]:
        """Return the label values of a collector's series, to which reasons and fields are added."""
        return (*self._owner, collector)

    def _start_at_zero(self, collector: Collector[Any]) -> None:
        labels = self.labels_of(collector.name)
        for metric in (*self._of_collector, self.restated):
            metric.labels(*labels)
        for reason in collector.rejection_reasons:
            self.rejected.labels(*labels, reason)
        for reason in SKIP_REASONS:
            self.skipped.labels(*labels, reason)
