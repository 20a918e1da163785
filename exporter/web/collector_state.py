"""The state of a collector in one word, for the landing page and for `/-/status`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from exporter.status import CollectorStatus

State = Literal["healthy", "incomplete", "retrying", "waiting", "failing", "stale"]
STATES: tuple[State, ...] = ("stale", "failing", "retrying", "incomplete", "waiting", "healthy")  # worst first


def state_of(collector: CollectorStatus, now: datetime) -> State:
    """Return the state of a collector.

    `stale`: the published values expired. `failing`: the last poll failed. `retrying`: a request of the poll in
    progress failed. `waiting`: the first poll has not ended. `incomplete`: rows or parts of the last poll are missing.
    """
    if collector.expired or (collector.expires is not None and collector.expires <= now):
        return "stale"
    if collector.polls and not collector.healthy:
        gone = collector.series == 0 and collector.last_success is not None
        return "stale" if gone else "failing"
    if collector.retry is not None:
        return "retrying"
    if not collector.polls:
        return "waiting"
    return "incomplete" if collector.rows_rejected or collector.failures else "healthy"
