"""Collectors in every state, at one instant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from exporter.status import CollectorStatus, DailySpend, Outcome, PollRecord, Status
from tests.web.fakes import NOW

YESTERDAY = date(2026, 8, 22)


def poll(outcome: Outcome = "changed", error: str | None = None, *, age: float = 60.0) -> PollRecord:
    status_class = "5xx" if outcome == "failed" else None
    started = NOW - timedelta(seconds=age)
    return PollRecord(started=started, duration_seconds=1.25, outcome=outcome, error=error, status_class=status_class)


def spend(*amounts: float, last: date = YESTERDAY) -> tuple[DailySpend, ...]:
    """Amounts of consecutive days, the last of them on `last`."""
    return tuple(DailySpend(last - timedelta(days=len(amounts) - 1 - day), usd) for day, usd in enumerate(amounts))


def collector(account: str = "default", **changes: Any) -> CollectorStatus:
    """A collector that works, but for these changes."""
    values: dict[str, Any] = {
        "collector": "activity",
        "interval_seconds": 900.0,
        "polls": (poll(age=960), poll("unchanged")),
        "last_success": NOW - timedelta(seconds=60),
        "next_poll": NOW + timedelta(seconds=840),
        "expires": NOW + timedelta(hours=23),
        "series": 42,
        "day": YESTERDAY,
        "spend": spend(1.0, 2.0, 4.5),
    }
    return CollectorStatus(account=account, **{**values, **changes})


def failing(account: str = "default", error: str = "503: no upstream", **changes: Any) -> CollectorStatus:
    return collector(account, **{"polls": (poll(age=960), poll("failed", error)), **changes})


def waiting(account: str = "default") -> CollectorStatus:
    return CollectorStatus(account=account, collector="activity", interval_seconds=900.0, polling=True)


def status(*collectors: CollectorStatus) -> Status:
    started = NOW - timedelta(days=2, hours=3)
    return Status(version="1.2.3", now=NOW, started=started, ready=True, collectors=collectors)
