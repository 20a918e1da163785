"""The log lines of one collector's polls: an error when an outage begins, an info when it ends, the rest at debug."""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog

from exporter.api.client import description
from exporter.api.rejections import Rejections
from exporter.errors import AttemptError, DeadlineExceeded, ExporterError
from exporter.polling.poll_state import PollState
from exporter.status import PollRecord

# Identifiers, times and durations in a message, such as `2.998 s`: another one is not another cause, as a status is.
_VARYING = re.compile(r"\b(?=[\w.-]*\d)[\w.-]{4,}")


class PollLog:
    """Logs what polls do. `quiet` means that an outage is already logged."""

    def __init__(self, log: structlog.stdlib.BoundLogger) -> None:
        self._log = log

    def succeeded(self, record: PollRecord, series: int, *, first: bool, recovered: bool) -> None:
        """Log a success: at info the first time and after a failure."""
        self._log.log(
            logging.INFO if first or recovered else logging.DEBUG,
            "poll_recovered" if recovered else "poll_succeeded",
            outcome=record.outcome,
            duration=round(record.duration_seconds, 3),
            series=series,
        )

    def failed(self, record: PollRecord, error: Exception, state: PollState) -> None:
        """Log a failure: at error when an outage begins and when its cause changes, else at debug.

        The cause is the status, or its class, or what else failed the poll; each is an error once per outage.
        """
        keys: dict[str, Any] = description(error) if isinstance(error, AttemptError) else {"error": record.error}
        if record.reason is not None:
            keys["reason"] = record.reason
        keys["duration"] = round(record.duration_seconds, 3)
        if record.hint is not None:
            keys["hint"] = record.hint
        crashed = not isinstance(error, ExporterError)
        if crashed:
            keys["exc_info"] = error
        cause = error.cause if isinstance(error, AttemptError) else record.reason or type(error).__name__
        # In an outage, retries use up the time and the rate limit: a passed deadline is a consequence, not a cause.
        late = isinstance(error, DeadlineExceeded) and bool(state.reported)
        level = logging.DEBUG if late or cause in state.reported else logging.ERROR
        state.reported.add(cause)
        self._log.log(level, "poll_crashed" if crashed else "poll_failed", **keys)

    def skipped(self, reason: str) -> None:
        """Log a poll that was due but not made."""
        self._log.debug("poll_skipped", reason=reason)

    def rejected(self, rejections: Rejections, state: PollState, *, quiet: bool) -> None:
        """Log the rows, and the fields of other rows, that could not be used: at debug if those of the last poll, too.

        The API may have changed for good, and each poll counts them.
        """
        unusable = {*rejections.counts, *rejections.unreadable}
        level = logging.DEBUG if quiet or unusable <= state.unusable else logging.WARNING
        if not quiet:
            state.unusable = unusable
        if rejections.counts:
            self._log.log(level, "rows_rejected", reasons=dict(rejections.counts), sample=rejections.sample)
        if rejections.unreadable:
            self._log.log(level, "fields_unreadable", fields=dict(rejections.unreadable))

    def parts(self, failures: dict[str, str], state: PollState) -> None:
        """Log parts of the data that could not be read, each time the reason is new, and parts that recovered."""
        for part, error in failures.items():
            before = state.failed_parts.get(part)
            is_same = before is not None and _VARYING.sub("", before) == _VARYING.sub("", error)
            level = logging.DEBUG if is_same else logging.WARNING
            self._log.log(level, "part_failed", part=part, error=error)
        for part in state.failed_parts.keys() - failures.keys():
            self._log.info("part_recovered", part=part)
        state.failed_parts = failures

    def restated(self, rows: int) -> None:
        """Log rows of an already read day whose numbers changed."""
        self._log.info("rows_restated", rows=rows)

    def folded(self, endpoints: int) -> None:
        """Log that some endpoints or keys are summed as `other`."""
        self._log.warning("endpoints_folded", endpoints=endpoints)
