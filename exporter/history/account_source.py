"""One account of an export: reads its past days as the daemon does, and rejects incomplete ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from exporter.api.client import Client
from exporter.api.rejections import Rejections
from exporter.clock import Clock, Pause
from exporter.collectors.activity.activity_collector import ActivityCollector, ReadActivity
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.windows import DAYS_IN_RESPONSE
from exporter.collectors.base import Poll
from exporter.collectors.days import DAY
from exporter.config.configuration import Account
from exporter.errors import ExportError, UsageError
from exporter.history.list_prices import ListPrices
from exporter.history.progress import Progress

ACTIVITY_REACH = DAYS_IN_RESPONSE * DAY


@dataclass(frozen=True, slots=True)
class WantedDays:
    """The first and the last UTC day of usage to export; None is as far as the API reaches."""

    first: date | None = None
    last: date | None = None

    def check(self, today: date, reach: timedelta, format_name: str) -> None:
        """Raise UsageError for days that the API cannot return for any account."""
        if self.first is not None and self.last is not None and self.last < self.first:
            raise UsageError(f"--to {self.last} is before --from {self.first}")
        for option, day in (("--from", self.first), ("--to", self.last)):
            if day is None:
                continue
            if day >= today:
                raise UsageError(f"{option} {day}: this UTC day has not ended; the last one that has is {today - DAY}")
            if day < today - reach:
                raise UsageError(f"{option} {day}: --format={format_name} reaches back to {today - reach}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSource:
    """An account to export. Each call of a format polls the API, for at most `longest_poll` seconds.

    All accounts share the same `prices`.
    """

    account: Account
    client: Client
    prices: ListPrices
    clock: Clock
    longest_poll: float
    wanted: WantedDays
    progress: Progress

    def poll(self) -> Poll:
        """Return a poll that begins now."""
        return Poll.begin(self.client, self.clock, self.longest_poll)

    @property
    def pause(self) -> Pause:
        """The pause for loops that make no requests. It has no deadline."""
        return replace(self.poll(), deadline=math.inf).pause

    async def activity(
        self, settings: ActivitySettings, *, exact: bool = False
    ) -> tuple[ActivityCollector, ReadActivity]:
        """Return the account's usage in the 30 days of `GET /activity`, and the collector that read it.

        With `exact`, the table also keeps its sums as decimals.
        Raise PollError, and ExportError if rows are unusable: totals would be incomplete.
        """
        collector = ActivityCollector(self.account.name, settings, exact=exact)
        poll = self.poll()
        usage = await collector.read(poll)
        assert usage is not None  # noqa: S101 — there was no poll before that could still hold
        refuse_incomplete(poll.rejections)
        return collector, usage

    async def exact_activity(self) -> ReadActivity:
        """Return the usage of every endpoint with sums as decimals, for accountants. Raises PollError, ExportError."""
        # `drop_labels` limits the number of series; a file for accountants has every endpoint.
        settings = replace(self.account.collectors.of(ActivitySettings), drop_labels=())
        _, usage = await self.activity(settings, exact=True)
        return usage


def wanted_days(wanted: WantedDays, usage: ReadActivity, *, older: bool = False) -> tuple[date, ...]:
    """Return the wanted days among the 30 of `GET /activity`, oldest first. With `older`, skip the days before them.

    Raise ExportError for a day that is not complete, or was not read completely.
    """
    if wanted.last is not None and wanted.last > usage.day:
        raise ExportError(f"{wanted.last} is not complete yet: the latest completed day is {usage.day}")
    known = sorted(day for day in usage.covered if day <= usage.day)
    if not known:
        raise ExportError("cannot tell the latest completed day: the response has neither rows nor a Date header")
    first = wanted.first or known[0]
    days = tuple(days_between(max(first, known[0]) if older else first, wanted.last or usage.day))
    for day in days:
        if day not in usage.covered:
            raise ExportError(f"the response does not have all of {day}")
    return days


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield the days from the first to the last one."""
    for number in range((last - first).days + 1):
        yield first + number * DAY


def refuse_incomplete(rejections: Rejections) -> None:
    """Raise ExportError if rows were unusable that totals need."""
    if rejections.missing:
        sample = f", such as {rejections.sample[0]}" if rejections.sample else ""
        raise ExportError(f"unusable rows: {rejections.missing}{sample}; totals would be incomplete")
