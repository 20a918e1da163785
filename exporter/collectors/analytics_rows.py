"""Rows of one analytics query, as numbers by label values."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime

from exporter.api.analytics_response import Row
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.collectors.analytics_units import Measure, Unit
from exporter.collectors.constants import UNKNOWN

REASONS = ("not_an_object", "duplicate")


class QueryResult:
    """Numbers by the values of the dimensions, in the order of the measures; NaN is a number that is not known.

    Two rows can have the same names: two keys may have one name. What may be summed is summed. Of a rate or a
    percentile neither is right, so that series is left out; that is not a fault of the rows, and not counted.
    """

    def __init__(self, dimensions: Sequence[str], measures: Sequence[Measure], rejections: Rejections) -> None:
        self.numbers: dict[tuple[str, ...], array[float]] = {}
        self.rows = 0  # of the response
        self.counted_to = datetime.min.replace(tzinfo=UTC)
        self._dimensions = dimensions
        self._measures = measures
        self._rejections = rejections

    def add(self, row: Row) -> None:
        """Add a row."""
        fields = Fields(row, self._rejections.unreadable)
        labels = tuple(map(fields.label, self._dimensions))
        numbers = array("d", [_number(fields, measure) for measure in self._measures])
        before = self.numbers.get(labels)
        if before is not None:
            both = zip(self._measures, before, numbers, strict=True)
            numbers = array("d", [a + b if measure.may_be_summed else UNKNOWN for measure, a, b in both])
        self.numbers[labels] = numbers


def _number(fields: Fields, measure: Measure) -> float:
    """Return a row's number in the family's unit. Amounts of money can be negative, such as discounts."""
    value = (fields.amount if measure.unit is Unit.USD else fields.count)(measure.metric)
    return UNKNOWN if value is None else measure.converted(value)
