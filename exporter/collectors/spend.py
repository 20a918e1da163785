"""`POST /analytics/query`: what the account spends by calendar period, today included.

One query at day granularity from the first of last month on covers every period: last week never begins before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.api import analytics_response
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import families_of, gauge, single, successors
from exporter.collectors.daily_spend import PAYERS, REJECTION_REASONS, read_daily_spend
from exporter.collectors.days import midnight
from exporter.collectors.periods import SPANS, CalendarRange, end_of, previous_start
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.exposition.families import MetricFamily, Snapshot

LABELS = ("account", "paid_by")

_PAID_BY = (
    "`paid_by` is `credits`, or `byok` for spend on own provider keys, which the API estimates; "
    "spend is the sum over `paid_by`."
)


_WORDS: Mapping[CalendarRange, str] = {
    "today": "on the current UTC day so far",
    "yesterday": "on the previous UTC day",
    "week": "in the current UTC week, which begins on Monday, so far",
    "last_week": "in the previous UTC week, Monday to Sunday",
    "month": "in the current UTC month so far",
    "last_month": "in the previous UTC month",
}
FAMILIES = {
    name: gauge(f"openrouter_spend_{name}_usd", f"Spend {_WORDS[name]}, in US dollars. {_PAID_BY}", LABELS)
    for name in SPANS
}
EXPECTED = gauge(
    "openrouter_spend_month_expected_usd",
    "Spend of the current UTC month at its end if each remaining day costs the mean of its weekday over the last 28 "
    "days, in US dollars. Absent in an account's first four weeks.",
    ("account",),
)
TIMESTAMP = gauge(
    "openrouter_spend_timestamp_seconds",
    "Time up to which the spend gauges cover usage, as Unix time in seconds.",
    ("account",),
)
_ENDS = {EXPECTED: SPANS["month"].period, **{metric: SPANS[name].period for name, metric in FAMILIES.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendSettings(CollectorSettings):
    """The collector of spend by calendar period, today included."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 1800.0


class SpendCollector(Collector[SpendSettings]):
    """Reads all days since the first of last month at each poll, and keeps nothing."""

    name = "spend"
    settings_type = SpendSettings
    title = "Spend by calendar period"
    resource = "POST /analytics/query"
    text = """\
Days, weeks and months are UTC; weeks begin on Monday. Today is included, up to `openrouter_spend_timestamp_seconds`.
When a period ends, its series disappear at that instant: until the next poll, the day that has ended is shown neither
as today nor as yesterday. A day that the API lists no row for counts as 0, and an unreadable amount makes the periods
that contain it absent.
"""
    operations = (analytics_response.QUERY,)
    rejection_reasons = REJECTION_REASONS

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of the six periods, the month's expected spend, and the time that they cover up to."""
        return (*FAMILIES.values(), EXPECTED, TIMESTAMP)

    async def collect(self, poll: Poll, _: object) -> Collected:
        """Read the days in one request. Raises PollError."""
        first = previous_start("month", poll.today)
        spend = await read_daily_spend(poll, first)
        today = spend.today
        payers = range(len(PAYERS))
        rows = [[spend.total(payer, *SPANS[name].days(today)) for name in FAMILIES] for payer in payers]
        families = families_of(tuple(FAMILIES.values()), [(self.account, payer) for payer in PAYERS], rows)
        month = math.fsum(spend.total(payer, *SPANS["month"].days(today)) for payer in payers)
        # The days of last month and of this one are at least the 28 that the means are taken over.
        expected = month + spend.expected_rest(end_of("month", today), payers)
        families.append(single(EXPECTED, self.account, expected))
        families.append(single(TIMESTAMP, self.account, spend.counted_to.timestamp()))
        return Collected(
            snapshot=Snapshot(tuple(families)),
            memory=None,
            summary=Summary(
                figures=(("Spent this month", month),) if math.isfinite(month) else (),
                figures_until=midnight(end_of("month", today)),
            ),
            successors=successors(families, _ENDS, today),
        )
