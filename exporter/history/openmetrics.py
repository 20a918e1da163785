"""OpenMetrics with a time on every sample, for `promtool tsdb create-blocks-from openmetrics`."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from exporter.clock import Clock
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.config.units import format_duration
from exporter.errors import UsageError
from exporter.exposition.families import Family, LabelSets, MetricFamily
from exporter.exposition.text_format import header, label_texts, sample_lines
from exporter.history.account_source import AccountSource, wanted_days
from exporter.history.output import STDOUT, Output
from exporter.history.shown_days import end_of_history, instants_of_days, shown_days
from exporter.options import Options

END_OF_FILE = b"# EOF\n"
LOOKBACK = 300  # seconds for which Prometheus shows a sample by default
# By default promtool reads the whole file once for every two hours of it.
IMPORT = "promtool tsdb create-blocks-from --max-block-duration=720h openmetrics"


@dataclass(slots=True)
class SeriesOfDays:
    """The values of one family: for each label set one number a day, NaN on days without a sample."""

    metric: MetricFamily
    names: tuple[str, ...]
    series: dict[tuple[str, ...], array[float]] = field(default_factory=dict)


@dataclass(slots=True)
class History:
    """The families of an account over some days."""

    days: Sequence[date]
    families: dict[str, SeriesOfDays] = field(default_factory=dict)

    def add(self, day: date, families: Sequence[Family]) -> None:
        """Add what is shown of one day."""
        number, empty = self.days.index(day), array("d", [math.nan]) * len(self.days)
        for family in families:
            metric, label_sets = family.metric, family.label_sets
            stored = self.families.setdefault(metric.name, SeriesOfDays(metric, label_sets.names))
            for labels, value in zip(label_sets.samples, family.values, strict=True):
                series = stored.series.get(labels)
                if series is None:
                    series = stored.series[labels] = empty[:]
                series[number] = value


class OpenMetricsHistory:
    """Writes accounts one after another; HELP and TYPE of a family stand where it first appears.

    `labels` are added to the series that are scraped, as Prometheus adds `job` and `instance`.
    """

    def __init__(self, options: Options, clock: Clock) -> None:
        self._labels = options.labels
        self._step = int(options.step)
        self._end = end_of_history(clock.now())
        self._described: set[str] = set()
        self._last_sample = 0

    async def write(self, source: AccountSource, output: Output) -> None:
        """Write an account's history. Raises PollError, ExportError, UsageError and OSError."""
        settings = source.account.collectors.of(ActivitySettings)
        collector, usage = await source.activity(settings)
        self._refuse_known_labels(collector.declarations())
        days = wanted_days(source.wanted, usage)
        history = History(days)
        async for day, families in shown_days(source.pause, collector, usage, days):
            history.add(day, families)
            source.progress.day(day, days[-1])
        shape = usage.table.shape
        with_rows = {day for day in usage.covered if shape.offset(day) in usage.table.days_with_rows}
        instants = instants_of_days(days, self._step, self._end, settings, with_rows)
        await self._write(source, history, instants, output)

    def end(self, output: Output) -> None:
        """Write the end of the file: without it, promtool refuses the file as cut off."""
        output.write(END_OF_FILE)

    def notes(self, options: Options) -> Sequence[str]:
        """Return where the history ends, and how Prometheus takes it."""
        if not self._last_sample:
            return ("No sample: the days are too recent. The running exporter shows them.",)
        notes = [f"The last sample is of {_time(self._last_sample)}; the running exporter continues from there."]
        missing = {"job", "instance"} - dict(self._labels).keys()
        if missing:
            options_ = " ".join(f"--label={name}=..." for name in sorted(missing, reverse=True))
            notes.append(f"Without {options_}, Prometheus keeps this history apart from what it scrapes.")
        if self._step > LOOKBACK:
            notes.append(
                f"--step={format_duration(self._step)} leaves gaps: Prometheus looks back 5m unless "
                "--query.lookback-delta says otherwise."
            )
        if options.output != STDOUT and not options.output.endswith(".gz"):
            notes.append(f"Next: {IMPORT} {options.output} DATA_DIRECTORY")
        return notes

    async def _write(
        self, source: AccountSource, history: History, instants: Mapping[date, Sequence[int]], output: Output
    ) -> None:
        pause = source.pause
        times = [[b"%d\n" % instant for instant in instants[day]] for day in history.days]
        for day in history.days:
            self._last_sample = max(self._last_sample, *instants[day][-1:], 0)
        for family in history.families.values():
            texts = self._label_texts(family)
            for labels, text in sorted(texts.items()):
                lines = _lines(family.metric.name, text, family.series[labels], times)
                if lines:
                    self._describe(family.metric, output)
                    output.write(lines)
                await pause()

    def _label_texts(self, family: SeriesOfDays) -> dict[tuple[str, ...], str]:
        names = (*family.names, *(name for name, _ in self._labels))
        added = tuple(value for _, value in self._labels)
        label_sets = LabelSets(names, [(*labels, *added) for labels in family.series])
        return dict(zip(family.series, label_texts(label_sets), strict=True))

    def _describe(self, metric: MetricFamily, output: Output) -> None:
        if metric.name not in self._described:
            self._described.add(metric.name)
            output.write(header(metric.name, metric.type, metric.help).openmetrics.encode())

    def _refuse_known_labels(self, families: Sequence[MetricFamily]) -> None:
        known = {name for family in families for name in family.labels}
        for name, _ in self._labels:
            if name in known:
                raise UsageError(f"--label {name}: the series have a label of this name already")


def _lines(name: str, labels: str, values: Sequence[float], times: Sequence[Sequence[bytes]]) -> bytes:
    """Return the samples of one series: each day's number at each of its instants."""
    pieces = []
    for value, instants in zip(values, times, strict=True):
        start = sample_lines(name, (labels,), (value,))[:-1]
        if start and instants:
            text = f"{start} ".encode()
            pieces += [text, text.join(instants)]
    return b"".join(pieces)


def _time(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M} UTC"
