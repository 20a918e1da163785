"""`/-/status`: how collecting goes, as JSON with stable keys.

    version, now, started, ready
    collectors[]: account, collector, state, interval_seconds, polling, last_success, next_poll, expires, series, day,
                  advice
      polls[]: started, duration_seconds, outcome, error, status, status_class, reason      oldest first
      spend[]: day, usd                                                     oldest first
      figures[]: name, usd

Times are RFC 3339 in UTC, days are ISO dates; what isn't known is null, as is a number that JSON has no word for.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from exporter.status import CollectorStatus, PollRecord, Status
from exporter.web.collector_state import state_of


def status_json(status: Status) -> bytes:
    """Return the status as JSON, indented for those who read it with curl."""
    document = {
        "version": status.version,
        "now": _time(status.now),
        "started": _time(status.started),
        "ready": status.ready,
        "collectors": [_collector(each, status.now) for each in status.collectors],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _collector(collector: CollectorStatus, now: datetime) -> dict[str, Any]:
    return {
        "account": _text(collector.account),
        "collector": collector.collector,
        "state": state_of(collector, now),
        "interval_seconds": _number(collector.interval),
        "polling": collector.polling,
        "last_success": _time(collector.last_success),
        "next_poll": _time(collector.next_poll),
        "expires": _time(collector.expires),
        "series": collector.series,
        "day": collector.day,
        "advice": collector.advice,
        "polls": [_poll(each) for each in collector.polls],
        "spend": [{"day": day, "usd": _number(usd)} for day, usd in collector.spend],
        "figures": [{"name": name, "usd": _number(usd)} for name, usd in collector.figures],
    }


def _poll(poll: PollRecord) -> dict[str, Any]:
    return {
        "started": _time(poll.started),
        "duration_seconds": _number(poll.duration),
        "outcome": poll.outcome,
        "error": None if poll.error is None else _text(poll.error),
        "status": poll.status,
        "status_class": poll.status_class,
        "reason": poll.reason,
    }


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(value: str) -> str:
    return value.encode(errors="replace").decode()  # lone surrogates are no JSON
