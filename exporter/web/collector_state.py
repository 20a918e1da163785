"""A collector's state in one word, for the page and for `/-/status` alike."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from exporter.status import CollectorStatus

State = Literal["healthy", "failing", "stale", "waiting"]
STATES: tuple[State, ...] = ("stale", "failing", "waiting", "healthy")  # worst first


def state_of(collector: CollectorStatus, now: datetime) -> State:
    """Return the state of a collector.

    `waiting` is before the first poll ends. `stale` is having had values that are gone, because polls have failed
    for too long; `failing` is any other failure of the last poll.
    """
    if not collector.polls:
        return "waiting"
    expired = collector.expires is not None and collector.expires <= now
    if collector.healthy:
        return "stale" if expired else "healthy"
    gone = expired or collector.series == 0
    return "stale" if gone and collector.last_success is not None else "failing"
