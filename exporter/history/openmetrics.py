"""OpenMetrics with a time on every sample, for `promtool tsdb create-blocks-from openmetrics`."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from exporter.clock import Clock
from exporter.collectors.activity.activity_collector import ActivityCollector, ReadActivity
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.allocation import ACCOUNT_INFO, Allocation, allocation_info
from exporter.collectors.common import info
from exporter.collectors.days import DAY
from exporter.config.units import format_duration
from exporter.errors import UsageError
from exporter.exposition.families import Family, MetricFamily
from exporter.exposition.text_format import header
from exporter.history.account_source import AccountSource, days_between, wanted_days
from exporter.history.history_format import HistoryFormat
from exporter.history.output import STDOUT, Output
from exporter.history.past_year import LONGEST_WINDOW, REACH, PastSpend, read_past_spend, recorded_days, slugs_of
from exporter.history.shown_days import end_of_history, instants_of_days, shown_days
from exporter.history.timed_series import History
from exporter.options import Options

END_OF_FILE = b"# EOF\n"
LOOKBACK = 300  # seconds for which Prometheus shows a sample by default
# Blocks of half a year: promtool reads the whole file once for each block, which by default has two hours.
IMPORT = "promtool tsdb create-blocks-from --max-block-duration=4380h openmetrics"


class OpenMetricsHistory(HistoryFormat):
    """Writes accounts one after another; HELP and TYPE of a family stand where it first appears."""

    def __init__(self, options: Options, output: Output, _labels: Sequence[str], clock: Clock) -> None:
        self._output = output
        self._target = options.output
        self._labels = options.labels
        self._step = int(options.step)
        self._end = end_of_history(clock.now())
        self._described: set[str] = set()
        self._last_sample = 0

    async def write(self, source: AccountSource) -> None:
        """Write an account's history. Raises PollError, ExportError, UsageError and OSError."""
        settings = source.account.collectors.of(ActivitySettings)
        collector, usage = await source.activity(settings)
        configured = source.account.allocations.labels
        self._refuse_known_labels((*collector.declarations(), allocation_info((), configured)))
        shown = await self._shown(source, collector, usage)
        past = await _past_spend(source, settings, usage)
        shape = usage.table.shape
        with_rows = {day for day in usage.covered if shape.offset(day) in usage.table.days_with_rows}
        if past is not None:
            with_rows |= past.days_with_rows
        await self._write(source, settings, with_rows, shown)
        if past is not None:
            await self._write(source, settings, with_rows, _recorded(source, settings, usage, past))

    def end(self) -> None:
        """Write the end of the file: without it, promtool refuses the file as cut off."""
        self._output.write(END_OF_FILE)

    def notes(self) -> Sequence[str]:
        """Return where the history ends, and how to import it."""
        if not self._last_sample:
            return ("No samples: the days are too recent. The running exporter shows them.",)
        notes = [f"The last sample is at {_time(self._last_sample)}; the running exporter continues from there."]
        missing = {"job", "instance"} - dict(self._labels).keys()
        if missing:
            options_ = " ".join(f"--label={name}=..." for name in sorted(missing, reverse=True))
            notes.append(f"Without {options_}, Prometheus stores this history separately from what it scrapes.")
        if self._step > LOOKBACK:
            notes.append(
                f"--step={format_duration(self._step)} leaves gaps: Prometheus looks back 5m unless "
                "--query.lookback-delta is set."
            )
        if self._target != STDOUT and not self._target.endswith(".gz"):
            notes.append(f"Next: {IMPORT} {self._target} DATA_DIRECTORY")
        return notes

    async def _shown(self, source: AccountSource, collector: ActivityCollector, usage: ReadActivity) -> History:
        """Return the series that a running exporter would have exposed."""
        history = History(wanted_days(source.wanted, usage, older=True), self._labels)
        labels = await _configured_labels(source, usage)
        async for day, families in shown_days(source.pause, collector, usage, history.days):
            history.add(day, (*families, *labels))
            source.progress.day(day, history.days[-1])
        return history

    async def _write(
        self, source: AccountSource, settings: ActivitySettings, with_rows: Container[date], history: History
    ) -> None:
        pause = source.pause
        instants = instants_of_days(history.days, self._step, self._end, settings, with_rows)
        times = {day: [b"%d\n" % instant for instant in shown] for day, shown in instants.items()}
        self._last_sample = max((self._last_sample, *(shown[-1] for shown in instants.values() if shown)))
        for metric, lines in history.lines(times):
            self._describe(metric)
            self._output.write(lines)
            source.progress.show("writing", hurried=True)
            await pause()

    def _describe(self, metric: MetricFamily) -> None:
        if metric.name not in self._described:
            self._described.add(metric.name)
            self._output.write(header(metric.name, metric.type, metric.help).openmetrics.encode())

    def _refuse_known_labels(self, families: Sequence[MetricFamily]) -> None:
        known = {name for family in families for name in family.labels}
        for name, _ in self._labels:
            if name in known:
                raise UsageError(f"--label {name}: the series already have a label with this name")


async def _past_spend(source: AccountSource, settings: ActivitySettings, usage: ReadActivity) -> PastSpend | None:
    """Return the spend of a year, None if no day before those of `GET /activity` is wanted."""
    first = _first(source, usage)
    if first >= min(usage.covered, default=first):
        return None
    reach = usage.day + DAY - REACH
    last = source.wanted.last or usage.day
    return await read_past_spend(source, settings, max(reach, first - LONGEST_WINDOW), last, slugs_of(usage))


async def _configured_labels(source: AccountSource, usage: ReadActivity) -> list[Family]:
    """Return the labels that the configuration gives to the account and its parts, as they are today."""
    allocation = Allocation(source.account)
    if not allocation.labels:
        return []
    metric = replace(ACCOUNT_INFO, labels=(*ACCOUNT_INFO.labels, *allocation.of_account))
    of_account = info(metric, [(source.account.name, *allocation.of_account.values())])
    return [of_account, *await allocation.families(source.pause, usage.subjects)]


def _recorded(source: AccountSource, settings: ActivitySettings, usage: ReadActivity, past: PastSpend) -> History:
    """Return the series of the recording rules for windows that begin before the days of `GET /activity`."""
    history = History(tuple(days_between(_first(source, usage), past.last)))
    for day, families in recorded_days(source.account.name, settings, past, usage.covered, history.days):
        history.add(day, families)
    return history


def _first(source: AccountSource, usage: ReadActivity) -> date:
    reach = usage.day + DAY - REACH
    return max(reach, source.wanted.first or reach)


def _time(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M} UTC"
