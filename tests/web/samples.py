"""Collectors in every state at one point in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from exporter.status import CollectorStatus, DailySpend, Outcome, PollRecord, Retry, Status
from tests.support import NOON

YESTERDAY = date(2026, 8, 22)


def poll(outcome: Outcome = "changed", error: str | None = None, *, age: float = 60.0) -> PollRecord:
    status_class = "5xx" if outcome == "failed" else None
    started = NOON - timedelta(seconds=age)
    return PollRecord(started=started, duration_seconds=1.25, outcome=outcome, error=error, status_class=status_class)


def spend(*amounts: float, last: date = YESTERDAY) -> tuple[DailySpend, ...]:
    """Return the amounts of consecutive days up to `last`."""
    return tuple(DailySpend(last - timedelta(days=len(amounts) - 1 - day), usd) for day, usd in enumerate(amounts))


def collector(account: str = "default", **changes: Any) -> CollectorStatus:
    """Return a healthy collector with these changes."""
    values: dict[str, Any] = {
        "collector": "activity",
        "interval_seconds": 900.0,
        "polls": (poll(age=960), poll("unchanged")),
        "last_success": NOON - timedelta(seconds=60),
        "next_poll": NOON + timedelta(seconds=840),
        "expires": NOON + timedelta(hours=23),
        "series": 42,
        "day": YESTERDAY,
        "spend": spend(1.0, 2.0, 4.5),
    }
    return CollectorStatus(account=account, **{**values, **changes})


def failing(account: str = "default", error: str = "503: no upstream", **changes: Any) -> CollectorStatus:
    return collector(account, **{"polls": (poll(age=960), poll("failed", error)), **changes})


def waiting(account: str = "default") -> CollectorStatus:
    return CollectorStatus(account=account, collector="activity", interval_seconds=900.0, polling=True)


def incomplete(account: str = "default", rows_rejected: int = 3) -> CollectorStatus:
    """Return a collector whose last poll succeeded but rejected some rows."""
    return collector(account, polls=(replace(poll(), rows_rejected=rows_rejected),))


def retrying(account: str = "default", **changes: Any) -> CollectorStatus:
    """Return a collector whose poll in progress waits for another attempt."""
    retry = Retry(
        attempt=7,
        operation="activity",
        error="HTTP 429: slow down",
        status=429,
        status_class="429",
        next_attempt=NOON + timedelta(seconds=30),
    )
    return collector(account, **{"polling": True, "retry": retry, **changes})


def status(*collectors: CollectorStatus, reload_mistakes: tuple[str, ...] = ()) -> Status:
    started = NOON - timedelta(days=2, hours=3)
    return Status(
        version="1.2.3",
        now=NOON,
        started=started,
        ready=True,
        reload_mistakes=reload_mistakes,
        collectors=collectors,
    )
