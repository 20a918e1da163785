"""Series over days as text: each day's value at each of the instants at which it was shown."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from exporter.exposition.families import Family, LabelSets, MetricFamily
from exporter.exposition.text_format import label_texts, sample_lines

Labels = tuple[tuple[str, str], ...]
Instants = Mapping[date, Sequence[bytes]]  # Unix time as the ends of lines


@dataclass(slots=True)
class SeriesOfDays:
    """The values of one family: for each label set one number a day, NaN on days without a sample."""

    metric: MetricFamily
    names: tuple[str, ...]
    series: dict[tuple[str, ...], array[float]] = field(default_factory=dict)

    def label_texts(self, added: Labels) -> list[tuple[tuple[str, ...], str]]:
        """Return label sets and their text, in the order of the file: the API's order is not promised."""
        names = (*self.names, *(name for name, _ in added))
        values = tuple(value for _, value in added)
        ordered = sorted(self.series)
        return list(zip(ordered, label_texts(LabelSets(names, [(*row, *values) for row in ordered])), strict=True))


@dataclass(slots=True)
class History:
    """The families of an account over consecutive days. `added` are labels that each series gets."""

    days: Sequence[date]
    added: Labels = ()
    families: dict[str, SeriesOfDays] = field(default_factory=dict)

    def add(self, day: date, families: Sequence[Family]) -> None:
        """Add what is shown of one day."""
        number, unknown = (day - self.days[0]).days, array("d", [math.nan]) * len(self.days)
        for family in families:
            metric, label_sets = family.metric, family.label_sets
            stored = self.families.setdefault(metric.name, SeriesOfDays(metric, label_sets.names))
            for labels, value in zip(label_sets.samples, family.values, strict=True):
                series = stored.series.get(labels)
                if series is None:
                    series = stored.series[labels] = unknown[:]
                series[number] = value

    def lines(self, instants: Instants) -> Iterator[tuple[MetricFamily, bytes]]:
        """Yield the samples, those of a family and of a series together, in order of time."""
        for family in self.families.values():
            for labels, text in family.label_texts(self.added):
                for day, value in zip(self.days, family.series[labels], strict=True):
                    start = sample_lines(family.metric.name, (text,), (value,))[:-1]
                    if start and instants[day]:
                        sample = f"{start} ".encode()
                        yield family.metric, sample + sample.join(instants[day])
