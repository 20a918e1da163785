"""Rows of one analytics query, as numbers by label values; the largest of too many, and the sum of all others."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime

from exporter.api.analytics_response import Row
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.collectors.analytics.metric_units import Measure, Unit
from exporter.collectors.constants import OTHER, UNKNOWN

REASONS = ("not_an_object", "duplicate")
NOISE = 1e-12  # of a total: what remains of a subtraction below this comes from rounding


class QueryResult:
    """Numbers by the values of the labels, in the order of the measures; NaN is a number that is not known.

    Two rows can have the same names: two keys may have one name. What may be summed is summed. Of a rate or a
    percentile neither is right, so that series is left out; that is not a fault of the rows, and `merged` counts them.

    `rows` is the number of rows of the response, `truncated` whether there were more than may be published.
    """

    def __init__(self, labels: Sequence[str], measures: Sequence[Measure], rejections: Rejections) -> None:
        self.numbers: dict[tuple[str, ...], array[float]] = {}
        self.rows = 0
        self.merged = 0
        self.truncated = False
        self.counted_to = datetime.min.replace(tzinfo=UTC)
        self.until: datetime | None = None
        self._labels = labels
        self._measures = measures
        self._rejections = rejections
        self._unreadable: set[int] = set()  # measures of which a row has something that is not a number

    def values_of(self, label: str) -> set[str]:
        """Return the values of a label, none if the rows do not have it."""
        if label not in self._labels:
            return set()
        index = self._labels.index(label)
        return {names[index] for names in self.numbers}

    def add(self, row: Row) -> None:
        """Add a row."""
        fields = Fields(row, self._rejections.unreadable)
        labels = tuple(map(fields.label, self._labels))
        numbers = array("d", [_number(fields, measure) for measure in self._measures])
        for index, number in enumerate(numbers):
            if math.isnan(number) and row.get(self._measures[index].metric) is not None:
                self._unreadable.add(index)
        self._merge(labels, numbers)

    def _merge(self, labels: tuple[str, ...], numbers: array[float]) -> None:
        before = self.numbers.get(labels)
        if before is not None:
            self.merged += 1
            both = zip(self._measures, before, numbers, strict=True)
            numbers = array("d", [a + b if measure.may_be_summed else UNKNOWN for measure, a, b in both])
        self.numbers[labels] = numbers

    def keep_largest(self, most: int, rank: str) -> None:
        """Keep the `most` largest by the metric `rank`; in the API's order, largest first, if it was not requested."""
        self.truncated = True
        index = next((index for index, measure in enumerate(self._measures) if measure.metric == rank), None)
        ranked = list(self.numbers.items())
        if index is not None:
            ranked.sort(key=lambda item: (math.isnan(item[1][index]), -item[1][index], item[0]))
        self.numbers = dict(ranked[:most])

    def add_other(self, total: QueryResult) -> None:
        """Add the total less what is kept as `other`, so that all series add up to the total exactly.

        Where the total is less than its parts, the numbers changed between the two requests, and a count is unknown.
        Money is unknown too if the total is the older of the two; otherwise the rest is a refund or a discount.
        """
        whole = total.numbers[()]
        measures = {measure.metric: index for index, measure in enumerate(total._measures)}
        rest = array("d", [UNKNOWN]) * len(self._measures)
        is_older = total.counted_to < self.counted_to
        for index, measure in enumerate(self._measures):
            if measure.metric in measures and index not in self._unreadable:
                number = self._rest(index, whole[measures[measure.metric]])
                rest[index] = UNKNOWN if number < 0 and (is_older or measure.unit is not Unit.USD) else number
        self._merge((OTHER,) * len(self._labels), rest)
        self.counted_to = min(self.counted_to, total.counted_to)

    def _rest(self, index: int, whole: float) -> float:
        """Return what of a total is not in the rows that are kept. A null there means that nothing was used."""
        parts = (numbers[index] for numbers in self.numbers.values())
        rest = math.fsum((whole, *(-part for part in parts if not math.isnan(part))))
        return 0.0 if abs(rest) <= NOISE * abs(whole) else rest


def _number(fields: Fields, measure: Measure) -> float:
    """Return a row's number in the family's unit. Amounts of money can be negative, such as discounts."""
    value = (fields.amount if measure.unit is Unit.USD else fields.count)(measure.metric)
    return UNKNOWN if value is None else measure.converted(value)
