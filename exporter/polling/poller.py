"""One poll: deadline, outcome, log line, self-metrics. Whatever happens in it, the next tick finds a working poller."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from exporter.api.client import REFUSED, Client, description
from exporter.clock import Clock
from exporter.collectors.base import Collected, Collector, Poll
from exporter.errors import AttemptError, ExporterError, NoBalance, PollError, SecretError
from exporter.exposition.store import Store
from exporter.exposition.text_format import render
from exporter.polling.collector_metrics import CollectorMetrics, SkipReason
from exporter.polling.key_check import UNAUTHORIZED, UNKNOWN_KEY
from exporter.status import CollectorStatus, PollRecord

KEPT_POLLS = 20
DAYS_SHOWN = 30
GRACE_SECONDS = 30.0
MANAGEMENT_KEY_HINT = "a management key is needed: https://openrouter.ai/settings/management-keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A poller's times, in seconds: from poll to poll, until data are too old, and the longest poll."""

    interval: float
    stale_after: float
    longest_poll: float


class Poller:
    """Polls one collector of one account, and publishes what it brings."""

    def __init__(
        self,
        *,
        account: str,
        collector: Collector[Any],
        schedule: Schedule,
        client: Client,
        clock: Clock,
        store: Store,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self.account = account
        self.collector = collector
        self.schedule = schedule
        self._client = client
        self._clock = clock
        self._store = store
        self._metrics = metrics
        self._log = log
        self._memory: object = None
        self._polling = False
        self._not_before = float("-inf")
        self._published_for: Collected | None = None
        self._last_success: datetime | None = None
        self._read_at = float("-inf")  # when what is published was last known to hold, in monotonic seconds
        self._records: deque[PollRecord] = deque(maxlen=KEPT_POLLS)
        self._outage: set[str] = set()  # kinds of failure that were reported since the last success
        self.last_turn = clock.monotonic()
        metrics.interval.labels(account, collector.name).set(schedule.interval)
        metrics.metrics_registry.touch()

    @property
    def overdue(self) -> bool:
        """Whether a turn should have come, or a poll should have ended, long ago: a sign that the daemon is stuck."""
        grace = 2 * self.schedule.interval + self.schedule.longest_poll + GRACE_SECONDS
        return self._clock.monotonic() - self.last_turn > grace

    @property
    def succeeded(self) -> bool:
        """Whether the last poll succeeded; False before the first."""
        return bool(self._records) and self._records[-1].outcome != "failed"

    @property
    def attempted(self) -> bool:
        """Whether a poll has ended, however."""
        return bool(self._records)

    @property
    def refused(self) -> bool:
        """Whether the API refused the key in the last poll."""
        return bool(self._records) and self._records[-1].status in REFUSED

    def publishes_as(self, old: Poller) -> bool:
        """Return whether another poller's data are what this one would publish."""
        same = self.collector.name == old.collector.name
        return same and self.collector.identity == old.collector.identity

    def inherit(self, old: Poller) -> None:
        """Go on from where a poller was that publishes as this one does; data expire as this one's schedule says."""
        self._memory = old._memory
        self._published_for = old._published_for
        self._last_success = old._last_success
        self._read_at = old._read_at
        self._not_before = old._not_before
        self._records.extend(old._records)
        self._outage |= old._outage
        key = (self.account, self.collector.name)
        if self._store.expires(*key) is not None:
            self._store.renew(*key, self._clock.monotonic(), self._read_at + self.schedule.stale_after)
        if self._published_for is not None:
            self._metrics.folded.labels(*key).set(self._published_for.folded)
        if self._records:
            self._measure(self._records[-1])

    def skip(self, reason: SkipReason) -> None:
        """Count a poll that was due but is not made."""
        self._metrics.skipped.labels(self.account, self.collector.name, reason).inc()
        self._metrics.metrics_registry.touch()
        self._log.debug("poll_skipped", reason=reason)

    async def poll(self) -> PollRecord | None:
        """Poll once, unless one is under way or the API asked to be left alone. Never raises but for cancellation."""
        if self._polling:
            self.skip("still_running")
            return None
        self.last_turn = self._clock.monotonic()
        if self.last_turn < self._not_before:
            self.skip("retry_after")
            return None
        self._polling = True
        try:
            return await self._poll()
        finally:
            self._polling = False

    async def _poll(self) -> PollRecord:
        instant, started = self._clock.now(), self._clock.monotonic()
        failing_already = self.attempted and not self.succeeded
        poll = Poll(
            instant=instant,
            deadline=started + self.schedule.longest_poll,
            client=self._client,
            clock=self._clock,
            quiet=failing_already,
        )
        try:
            collected = await self.collector.collect(poll, self._memory)
            await self._publish(poll, collected, started)
        except Exception as error:  # noqa: BLE001 — a daemon outlives its bugs; they are logged with their trace
            # Not kept beyond this block: its traceback holds this frame, and so the whole answer would stay in memory.
            record = _record(instant, self._clock.monotonic() - started, None, error)
            self._records.append(record)
            self._report_rejections(poll)
            self._not_before = getattr(error, "not_before", None) or self._not_before
            self._report_failure(record, error)
        else:
            record = _record(instant, self._clock.monotonic() - started, collected, None)
            self._records.append(record)
            self._report_rejections(poll)
            self._last_success = instant
            self._outage.clear()
            self._report_success(record, recovered=failing_already)
        self._measure(record)
        return record

    async def _publish(self, poll: Poll, collected: Collected, started: float) -> None:
        expires = started + self.schedule.stale_after
        key = (self.account, self.collector.name)
        if collected.snapshot is None:
            self._store.renew(*key, self._clock.monotonic(), expires)
            self._read_at = started
            return
        rendered = await poll.run(render(collected.snapshot))
        self._store.publish(*key, rendered, collected.snapshot.series, expires)
        self._read_at = started
        self._memory = collected.memory
        if collected.restated:
            self._metrics.restated.labels(*key).inc(collected.restated)
            self._log.info("rows_restated", rows=collected.restated)
        if collected.folded and collected.folded != getattr(self._published_for, "folded", 0):
            self._log.warning("endpoints_folded", endpoints=collected.folded)
        self._metrics.folded.labels(*key).set(collected.folded)
        self._published_for = replace(collected, snapshot=None, memory=None)

    def _report_rejections(self, poll: Poll) -> None:
        counts = poll.rejections.counts
        for reason, rows in counts.items():
            self._metrics.rejected.labels(self.account, self.collector.name, reason).inc(rows)
        if counts:
            level = logging.DEBUG if poll.quiet else logging.WARNING
            self._log.log(level, "rows_rejected", reasons=dict(counts), sample=poll.rejections.sample)

    def _report_success(self, record: PollRecord, *, recovered: bool) -> None:
        report = self._log.info if recovered or len(self._records) == 1 else self._log.debug
        report(
            "poll_recovered" if recovered else "poll_succeeded",
            outcome=record.outcome,
            duration=round(record.duration, 3),
            series=self._series(),
        )

    def _report_failure(self, record: PollRecord, error: Exception) -> None:
        """Log a failure: at error when an outage begins, or when a refusal or a crash first shows in it."""
        keys: dict[str, Any] = description(error) if isinstance(error, AttemptError) else {"error": record.error}
        if record.reason is not None:
            keys["reason"] = record.reason
        keys["duration"] = round(record.duration, 3)
        kind = "failure"
        hint = _hint(error)
        if hint is not None:
            keys["hint"] = kind = hint
        crashed = not isinstance(error, ExporterError)
        if crashed:
            keys["exc_info"], kind = error, type(error).__name__
        is_news = not self._outage or (kind not in self._outage and kind != "failure")
        self._outage.add(kind)
        level = logging.ERROR if is_news else logging.DEBUG
        self._log.log(level, "poll_crashed" if crashed else "poll_failed", **keys)

    def _measure(self, record: PollRecord) -> None:
        key = (self.account, self.collector.name)
        self._metrics.success.labels(*key).set(self.succeeded)
        self._metrics.duration.labels(*key).set(record.duration)
        self._metrics.last_attempt.labels(*key).set(record.started.timestamp())
        if self._last_success is not None:
            self._metrics.last_success.labels(*key).set(self._last_success.timestamp())
        self._metrics.series.labels(*key).set(self._series())
        self._metrics.metrics_registry.touch()

    def _series(self) -> int:
        return self._store.series(self.account, self.collector.name, self._clock.monotonic())

    def status(self, next_poll: datetime | None, advice: str | None = None) -> CollectorStatus:
        """Return how this collector does, for people."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        expires = self._store.expires(self.account, self.collector.name)
        published = self._published_for
        return CollectorStatus(
            account=self.account,
            collector=self.collector.name,
            interval=self.schedule.interval,
            polls=tuple(self._records),
            polling=self._polling,
            last_success=self._last_success,
            next_poll=next_poll,
            expires=_wall_time(now, monotonic, expires),
            series=self._series(),
            day=published.day if published else None,
            spend=_last_days(published) if published else (),
            figures=published.figures if published and self._series() else (),
            advice=advice,
        )


def _hint(error: Exception) -> str | None:
    """Return what to do about the key, where the key is the reason."""
    status = getattr(error, "status", None)
    if status == UNAUTHORIZED:
        return UNKNOWN_KEY
    return MANAGEMENT_KEY_HINT if status in REFUSED or isinstance(error, NoBalance) else None


def _record(started: datetime, duration: float, collected: Collected | None, error: Exception | None) -> PollRecord:
    if error is not None:
        expected = isinstance(error, PollError | SecretError)
        return PollRecord(
            started=started,
            duration=duration,
            outcome="failed",
            error=str(error) if expected else f"internal error: {type(error).__name__}",
            status=error.status if isinstance(error, AttemptError) else None,
            status_class=error.status_class if isinstance(error, AttemptError) else None,
            reason=error.reason if isinstance(error, PollError) else None,
        )
    unchanged = collected is not None and collected.snapshot is None
    return PollRecord(started=started, duration=duration, outcome="unchanged" if unchanged else "changed")


def _last_days(published: Collected) -> tuple[tuple[date, float], ...]:
    """Return the spend of the 30 days up to the one that the gauges describe, and of later ones."""
    if published.day is None:
        return published.spend
    first = published.day - timedelta(days=DAYS_SHOWN - 1)
    return tuple((day, usd) for day, usd in published.spend if day >= first)


def _wall_time(now: datetime, monotonic: float, moment: float | None) -> datetime | None:
    if moment is None or moment == float("inf"):
        return None
    try:
        return (now + timedelta(seconds=moment - monotonic)).astimezone(UTC)
    except OverflowError:
        return None
