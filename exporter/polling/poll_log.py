"""The log lines of one collector's polls: an error when an outage begins, an info when it ends, the rest at debug."""

from __future__ import annotations

import logging
import re
from typing import Any

from structlog.stdlib import BoundLogger

from exporter.api.client import description
from exporter.api.rejections import Rejections
from exporter.errors import AttemptError, DeadlineExceeded, ExporterError
from exporter.polling.poll_state import PollState
from exporter.status import PollRecord

# Identifiers, times and durations, such as `2.998 s`: messages that differ only in these have the same cause.
_VARYING = re.compile(r"\b(?=[\w.-]*\d)[\w.-]{4,}")


def log_success(log: BoundLogger, record: PollRecord, series: int, *, first: bool, recovered: bool) -> None:
    """Log a success: at info the first time and after a failure."""
    log.log(
        logging.INFO if first or recovered else logging.DEBUG,
        "poll_recovered" if recovered else "poll_succeeded",
        outcome=record.outcome,
        duration=round(record.duration_seconds, 3),
        series=series,
    )


def log_failure(log: BoundLogger, record: PollRecord, error: Exception, state: PollState) -> None:
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
    log.log(level, "poll_crashed" if crashed else "poll_failed", **keys)


def log_rejections(log: BoundLogger, rejections: Rejections, state: PollState, *, quiet: bool) -> None:
    """Log rejected rows and unreadable fields: at warning, or at debug if the last poll had the same kinds.

    The API may have changed for good, and each poll counts them. `quiet` means that an outage is already logged.
    """
    unusable = {*rejections.counts, *rejections.unreadable}
    level = logging.DEBUG if quiet or unusable <= state.unusable else logging.WARNING
    if not quiet:
        state.unusable = unusable
    if rejections.counts:
        log.log(level, "rows_rejected", reasons=dict(rejections.counts), sample=rejections.sample)
    if rejections.unreadable:
        log.log(level, "fields_unreadable", fields=dict(rejections.unreadable))


def log_parts(log: BoundLogger, failures: dict[str, str], state: PollState) -> None:
    """Log parts of the data that could not be read, each time the reason is new, and parts that recovered."""
    for part, error in failures.items():
        before = state.failed_parts.get(part)
        is_same = before is not None and _VARYING.sub("", before) == _VARYING.sub("", error)
        level = logging.DEBUG if is_same else logging.WARNING
        log.log(level, "part_failed", part=part, error=error)
    for part in state.failed_parts.keys() - failures.keys():
        log.info("part_recovered", part=part)
    state.failed_parts = failures
