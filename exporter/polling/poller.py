"""One poll: deadline, outcome, self-metrics. Whatever happens in it, the next one finds a working poller."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from exporter.api.client import Client, Request
from exporter.clock import Clock
from exporter.collectors.allocation import Allocation
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.errors import AttemptError, PollError, SecretError
from exporter.exposition.families import Snapshot
from exporter.exposition.store import Phase, Store
from exporter.exposition.text_format import render
from exporter.polling.collector_metrics import CollectorMetrics, SkipReason
from exporter.polling.hints import hint
from exporter.polling.poll_log import log_failure, log_parts, log_rejections, log_success
from exporter.polling.poll_state import PollState
from exporter.status import CollectorStatus, DailySpend, Figure, PartFailure, PollRecord, Retry

DAYS_SHOWN = 30
GRACE_SECONDS = 30.0
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Poller:
    """Polls one collector of one account, or of none (`account` is empty then), and publishes the result.

    `longest_poll` is in seconds.
    """

    def __init__(
        self,
        *,
        account: str,
        collector: Collector[Any],
        longest_poll: float,
        client: Client,
        clock: Clock,
        store: Store,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
        allocation: Allocation | None = None,
    ) -> None:
        self.account = account
        self.collector = collector
        self.interval: float = collector.settings.interval
        self._longest_poll = longest_poll
        self.state = PollState()
        self._client = client
        self._clock = clock
        self._store = store
        self._metrics = metrics
        self._allocation = allocation
        self._log = log
        self._polling = False
        self._retries: dict[int, Retry] = {}  # of the requests in progress, by identity
        self._last_due = clock.monotonic()
        self._key = (account, collector.name)
        self._labels = metrics.labels_of(collector.name)
        metrics.interval.labels(*self._labels).set(self.interval)
        metrics.metrics_registry.touch()

    @property
    def job_name(self) -> str:
        """The name that the scheduler, health and readiness know this poller by."""
        return "/".join(filter(None, self._key))

    @property
    def overdue(self) -> bool:
        """Whether the next poll should have begun, or the last one ended, long ago: a sign that the daemon is stuck."""
        grace = 2 * self.interval + self._longest_poll + GRACE_SECONDS
        return self._clock.monotonic() - self._last_due > grace

    @property
    def polling(self) -> bool:
        """Whether a poll is in progress."""
        return self._polling

    @property
    def not_before(self) -> datetime | None:
        """When the API may be called again, if it set Retry-After."""
        return _wall_time(self._clock, self.state.not_before)

    def publishes_as(self, old: Poller) -> bool:
        """Return whether another poller publishes the same data as this one."""
        return (self.collector.name, self.collector.identity) == (old.collector.name, old.collector.identity)

    def inherit(self, old: Poller) -> None:
        """Continue from a poller that publishes the same data; they now expire as this one's settings require."""
        self.state = state = old.state
        if self._store.expires(*self._key) is not None:
            self._store.renew(*self._key, self._clock.monotonic(), self._expiry(state.read_at))
        self._metrics.folded.labels(*self._labels).set(state.published.folded)
        if state.records:
            self._measure(state.records[-1])

    def skip(self, reason: SkipReason) -> None:
        """Count a poll that was due but not made."""
        self._metrics.skipped.labels(*self._labels, reason).inc()
        self._metrics.metrics_registry.touch()
        self._log.debug("poll_skipped", reason=reason)

    async def poll(self) -> PollRecord | None:
        """Poll once, unless a poll is in progress or Retry-After has not passed. Raise nothing but CancelledError."""
        if self._polling:
            self.skip("still_running")
            return None
        self._last_due = self._clock.monotonic()
        if self._last_due < self.state.not_before:
            self.skip("retry_after")
            return None
        self._polling = True
        try:
            return await self._poll()
        finally:
            self._polling = False

    async def _poll(self) -> PollRecord:
        state = self.state
        first, failing = not state.attempted, state.attempted and not state.succeeded
        poll = Poll.begin(self._client, self._clock, self._longest_poll, quiet=failing, on_progress=self._show_retry)
        try:
            collected = await self.collector.collect(poll, state.memory)
            await self._publish(poll, collected)
        except Exception as error:  # noqa: BLE001 — one crashing poll must not stop polling; it is logged with its trace
            # Not kept beyond this block: its traceback holds this frame, and with it the whole response.
            record = _failed(poll, self._clock.monotonic() - poll.started, error, with_key=bool(self.account))
            state.records.append(record)
            self._report_rejections(poll)
            state.not_before = getattr(error, "not_before", None) or state.not_before
            log_failure(self._log, record, error, state)
        else:
            record = PollRecord(
                started=poll.instant,
                duration_seconds=self._clock.monotonic() - poll.started,
                outcome="unchanged" if collected.snapshot is None else "changed",
                rows_rejected=poll.rejections.missing,
            )
            state.records.append(record)
            self._report_rejections(poll)
            state.last_success, state.rows_rejected = poll.instant, record.rows_rejected
            state.reported.clear()
            log_success(self._log, record, self._series(), first=first, recovered=failing)
        self._measure(record)
        return record

    def _show_retry(self, request: Request, retry: Retry | None) -> None:
        if retry is not None:
            self._retries[id(request)] = retry
        elif self._retries.pop(id(request), None) is None:
            return
        failed = max((other.attempt - 1 for other in self._retries.values()), default=0)
        self._metrics.failed_attempts.labels(*self._labels).set(failed)
        self._metrics.metrics_registry.touch()

    async def _publish(self, poll: Poll, collected: Collected) -> None:
        state, expires = self.state, self._expiry(poll.started)
        if collected.snapshot is None:
            if self._allocation != state.allocation:
                beside = await self._labels_of_parts(poll, state.published)
                self._store.replace_beside(*self._key, beside)
            self._store.renew(*self._key, self._clock.monotonic(), expires)
            state.read_at, state.allocation = poll.started, self._allocation
            if collected.memory is not None:
                state.memory = collected.memory
            return
        rendered = await render(poll.pause, collected.snapshot)
        successors = tuple(
            [
                Phase(await render(poll.pause, snapshot), poll.monotonic_time(moment))
                for moment, snapshot in collected.successors
            ]
        )
        summary = collected.summary
        beside = await self._labels_of_parts(poll, summary)
        self._store.publish(*self._key, rendered, expires=expires, successors=successors, beside=beside)
        state.read_at, state.memory, state.allocation = poll.started, collected.memory, self._allocation
        if collected.restated:
            self._metrics.restated.labels(*self._labels).inc(collected.restated)
            self._log.info("rows_restated", rows=collected.restated)
        if summary.folded and summary.folded != state.published.folded:
            self._log.warning("endpoints_folded", endpoints=summary.folded)
        self._metrics.folded.labels(*self._labels).set(summary.folded)
        if collected.error is None:  # otherwise one line reports the failure of all parts
            log_parts(self._log, dict(summary.failures), state)
        state.published = summary
        if collected.error is not None:
            raise collected.error

    async def _labels_of_parts(self, poll: Poll, summary: Summary) -> tuple[Phase, ...]:
        if self._allocation is None:
            return ()
        families = await self._allocation.families(poll.pause, summary.subjects)
        # One snapshot has each family once; here it has one set of labels for each kind of part.
        return tuple([Phase(await render(poll.pause, Snapshot((family,)))) for family in families])

    def _expiry(self, read_at: float) -> float:
        stale_after: float = self.collector.settings.stale_after
        return read_at + stale_after

    def _report_rejections(self, poll: Poll) -> None:
        for reason, rows in poll.rejections.counts.items():
            self._metrics.rejected.labels(*self._labels, reason).inc(rows)
        for field, rows in poll.rejections.unreadable.items():
            self._metrics.unreadable.labels(*self._labels, field).inc(rows)
        log_rejections(self._log, poll.rejections, self.state, quiet=poll.quiet)

    def _measure(self, record: PollRecord) -> None:
        self._metrics.success.labels(*self._labels).set(self.state.succeeded)
        self._metrics.duration.labels(*self._labels).set(record.duration_seconds)
        self._metrics.last_attempt.labels(*self._labels).set(record.started.timestamp())
        if self.state.last_success is not None:
            self._metrics.last_success.labels(*self._labels).set(self.state.last_success.timestamp())
        self._metrics.series.labels(*self._labels).set(self._series())
        self._metrics.rows_rejected.labels(*self._labels).set(self.state.rows_rejected)
        self._metrics.metrics_registry.touch()

    def _series(self) -> int:
        return self._store.series(*self._key, self._clock.monotonic())

    def status(self, next_poll: datetime | None, advice: str | None = None) -> CollectorStatus:
        """Return the state of this collector for the landing page and `/-/status`."""
        state, published, series = self.state, self.state.published, self._series()
        shown = published if series else Summary()
        expires, now = self._store.expires(*self._key), self._clock.now()
        return CollectorStatus(
            account=self.account,
            collector=self.collector.name,
            interval_seconds=self.interval,
            polling=self._polling,
            retry=max(self._retries.values(), key=lambda retry: retry.attempt, default=None),
            last_success=state.last_success,
            next_poll=next_poll,
            expires=_wall_time(self._clock, expires),
            expired=expires is not None and expires <= self._clock.monotonic(),
            series=series,
            day=published.day,
            advice=advice,
            polls=tuple(state.records),
            spend=_last_days(published),
            figures=_figures(shown, now),
            failures=tuple(PartFailure(*failure) for failure in published.failures),
            budgets=tuple(budget.at(now) for budget in shown.budgets),
            tops=tuple(top for top in shown.tops if now < (top.until or END_OF_TIME)),
            queries=tuple(query.at(now) for query in published.queries),
            retirements=shown.retirements,
        )


def _failed(poll: Poll, duration: float, error: Exception, *, with_key: bool) -> PollRecord:
    expected = isinstance(error, PollError | SecretError)
    return PollRecord(
        started=poll.instant,
        duration_seconds=duration,
        outcome="failed",
        rows_rejected=poll.rejections.missing,
        error=str(error) if expected else f"internal error: {type(error).__name__}",
        hint=hint(error, with_key=with_key),
        status=error.status if isinstance(error, AttemptError) else None,
        status_class=error.status_class if isinstance(error, AttemptError) else None,
        reason=error.reason if isinstance(error, PollError) else None,
    )


def _last_days(published: Summary) -> tuple[DailySpend, ...]:
    """Return the spend of the 30 days up to the day that the gauges describe, and of later days."""
    first = date.min if published.day is None else published.day - timedelta(days=DAYS_SHOWN - 1)
    return tuple(DailySpend(day, usd) for day, usd in published.spend if day >= first)


def _figures(published: Summary, now: datetime) -> tuple[Figure, ...]:
    """Return the amounts whose period has not ended: after midnight, the day before is not today."""
    is_current = now < (published.figures_until or END_OF_TIME)
    return tuple(Figure(*figure) for figure in published.figures) if is_current else ()


def _wall_time(clock: Clock, moment: float | None) -> datetime | None:
    """Return a monotonic time as wall clock time, None if it is None or too far away for a calendar."""
    if moment is None:
        return None
    try:
        return (clock.now() + timedelta(seconds=moment - clock.monotonic())).astimezone(UTC)
    except OverflowError:
        return None
