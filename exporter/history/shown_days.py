"""The families that a running exporter would have published for each past day, and at which times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from exporter.clock import Pause
from exporter.collectors.activity.activity_collector import ActivityCollector, ReadActivity
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.carry_over import carry_over
from exporter.collectors.activity.usage_table import Table
from exporter.collectors.activity.windows import latest_completed_day
from exporter.collectors.days import DAY, midnight
from exporter.exposition.families import Family

# Prometheus keeps its latest two to three hours in memory; imported blocks must not overlap with them.
LEFT_TO_PROMETHEUS = timedelta(hours=3)


async def shown_days(
    pause: Pause, collector: ActivityCollector, usage: ReadActivity, days: Iterable[date]
) -> AsyncIterator[tuple[date, tuple[Family, ...]]]:
    """Yield the families of each day, in order, as if no later day had been read.

    An endpoint has no samples before its first day of usage: a running exporter would not have known it.
    """
    wanted = set(days)
    past = Table(usage.table.shape, reported=set(usage.table.reported), overflow=usage.table.overflow)
    for day in sorted(usage.covered):
        if day > max(wanted, default=date.min):
            return
        await carry_over(pause, usage.table, past, [day])
        if day in wanted:
            shown = await collector.show(pause, replace(usage, table=past, day=day))
            yield day, shown.families


def end_of_history(now: datetime) -> datetime:
    """Return the last time that a sample may have. It is a whole hour, so that exports within an hour are equal."""
    return (now.astimezone(UTC) - LEFT_TO_PROMETHEUS).replace(minute=0, second=0, microsecond=0)


def instants_of_days(
    days: Iterable[date], step: int, end: datetime, settings: ActivitySettings, days_with_rows: Container[date]
) -> Mapping[date, list[int]]:
    """Return the instants at which the running exporter shows each of the days, every `step` seconds of Unix time."""
    instants: dict[date, list[int]] = {day: [] for day in sorted(days)}
    if not instants:
        return instants
    first = int(midnight(min(instants) + DAY).timestamp())
    last = min(end, midnight(max(instants) + 3 * DAY)).timestamp()
    for instant in range(first + -first % step, int(last) + 1, step):
        day = latest_completed_day(
            datetime.fromtimestamp(instant, UTC),
            settle=settings.settle_delay,
            empty_after=settings.empty_day_after,
            days_with_rows=days_with_rows,
        )
        if day in instants:
            instants[day].append(instant)
    return instants
