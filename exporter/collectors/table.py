"""The sums of one answer: seven numbers per endpoint and day, flat, so that the garbage collector has no work.

100,000 small lists make the collector of garbage stall the event loop for tens of milliseconds; one array of
doubles does not. A number that the API did not report is NaN here, and stays NaN in every sum it is part of.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, cast

from exporter.api.model import RejectionReason, Row
from exporter.api.rows import Rejections
from exporter.collectors.days import parse_day

MEASURES = (
    "usage_usd",
    "byok_usage_usd",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
)
WIDTH = len(MEASURES)
NO_CELL = -1
LONGEST_TEXT = 512
MOST_DATE_TEXTS = 4096

KeyLabel = Literal["model", "provider", "endpoint_id", "workspace_id"]
KEY_LABELS: tuple[KeyLabel, ...] = ("model", "provider", "endpoint_id", "workspace_id")

Key = tuple[str, ...]
Place = int | RejectionReason
_Identity = tuple[str | None, str | None, str | None, str | None, str | None]

_EXCLUDED = -1
_INVALID_TEXT = -2
_MISSING_MODEL = -3
_NO_KEY_YET = -4
_REASONS: Mapping[int, RejectionReason] = {_INVALID_TEXT: "invalid_text", _MISSING_MODEL: "missing_model"}

UNUSED = -1


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table keeps of rows: the labels that tell endpoints apart, the models it takes, and its days.

    `first` to `today` are the days that a row may have without being wrong; those before today have a place.
    """

    labels: tuple[KeyLabel, ...]
    takes_model: Callable[[str], bool]
    first: date
    today: date

    @property
    def days(self) -> int:
        """Number of days that have a place: the completed ones."""
        return (self.today - self.first).days

    def place(self, text: str) -> Place:
        """Return the place of a row's date, UNUSED for today, or why a row can't have this date."""
        day = parse_day(text)
        if day is None:
            return "invalid_date"
        if day > self.today:
            return "future_date"
        if day < self.first:
            return "old_date"
        return UNUSED if day == self.today else (day - self.first).days


@dataclass(slots=True, eq=False)
class Table:
    """Sums by key (the label values, in the shape's order) and day.

    `cells` holds WIDTH doubles per cell, `places` one cell number per key and day, `permaslugs` the latest dated
    name of a key and its day, `days_with_rows` the places of days on which any usable row was seen, taken or not,
    `hidden` the measures that some row reports though the cell it fell into has no known sum.
    """

    shape: Shape
    keys: dict[Key, int] = field(default_factory=dict)
    cells: array[float] = field(default_factory=lambda: array("d"))
    places: array[int] = field(default_factory=lambda: array("i"))
    permaslugs: list[tuple[int, str]] = field(default_factory=list)
    days_with_rows: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    usable: int = 0
    _lost: array[float] = field(default_factory=lambda: array("d"))
    _lost_at: dict[int, int] = field(default_factory=dict)
    _identities: dict[_Identity, int] = field(default_factory=dict)
    _dates: dict[str, Place] = field(default_factory=dict)

    def add(self, rows: Iterable[Row], rejections: Rejections) -> None:
        """Add rows to their cells; rows of one key and day are summed. Rows that can't be used are rejected."""
        for row in rows:
            place = self._dates.get(row.date)
            if place is None:
                place = self._new_date(row.date)
            identity = (row.model, row.model_permaslug, row.provider_name, row.endpoint_id, row.workspace_id)
            numbers = _numbers(row)
            key = self._identities.get(identity)
            if key is None:
                counts = numbers is not None and isinstance(place, int) and place != UNUSED
                key = self._new_identity(identity, counts=counts)
            if isinstance(place, str):
                rejections.add(place, row)
            elif key in _REASONS:
                rejections.add(_REASONS[key], row)
            elif numbers is None:
                rejections.add("missing_numbers", row)
            else:
                self.usable += 1
                if place != UNUSED:
                    self._add_numbers(key, place, numbers)
                    if key != _EXCLUDED and row.model_permaslug and place >= self.permaslugs[key][0]:
                        self.permaslugs[key] = max(self.permaslugs[key], (place, row.model_permaslug))

    def _add_numbers(self, key: int, place: int, numbers: Sequence[float]) -> None:
        self.days_with_rows.add(place)
        if key == _EXCLUDED:
            return
        position = key * self.shape.days + place
        cell = self.places[position]
        if cell == NO_CELL:
            self.places[position] = len(self.cells) // WIDTH
            self.cells.extend(numbers)
        else:
            self._add_to_cell(cell, numbers)

    def _add_to_cell(self, cell: int, numbers: Sequence[float]) -> None:
        """Add to numbers that are there, and remember what each addition rounds away for the next one (Dekker).

        However many rows share a cell, their sum is right to its last digit, whatever their order: an order that
        changed is not a restatement.
        """
        lost, cells = self._lost, self.cells
        start = self._lost_at.setdefault(cell, len(lost))
        if start == len(lost):
            lost.extend([0.0] * WIDTH)
        for place, (at, number) in enumerate(enumerate(numbers, cell * WIDTH), start):
            high = cells[at]
            total = high + number
            part = total - high
            low = lost[place] + ((high - (total - part)) + (number - part))
            cells[at] = rounded = total + low
            lost[place] = low - (rounded - total)
            if math.isnan(rounded) and not (math.isnan(high) and math.isnan(number)):
                self.hidden.add(at % WIDTH)

    def key_index(self, key: Key) -> int:
        """Return a key's number, giving it one if it is new."""
        index = self.keys.setdefault(key, len(self.keys))
        if index == len(self.permaslugs):
            self.places.extend([NO_CELL] * self.shape.days)
            self.permaslugs.append((NO_CELL, ""))
        return index

    def cell(self, key: int, place: int) -> array[float] | None:
        """Return the numbers of one key on one day, None where it had no row."""
        cell = self.places[key * self.shape.days + place]
        return None if cell == NO_CELL else self.cells[cell * WIDTH : (cell + 1) * WIDTH]

    def put(self, key: int, place: int, numbers: array[float]) -> None:
        """Set the numbers of a key on a day on which it has none."""
        self.places[key * self.shape.days + place] = len(self.cells) // WIDTH
        self.cells.extend(numbers)

    def _new_date(self, text: str) -> Place:
        if len(self._dates) >= MOST_DATE_TEXTS:
            self._dates.clear()
        place = self._dates[text] = self.shape.place(text)
        return place

    def _new_identity(self, identity: _Identity, *, counts: bool) -> int:
        """Return what rows with this identity are for; they become a key by the first row that counts.

        A row that is rejected or unused must not: an endpoint known only from it would be published as 0.
        """
        model, permaslug, provider, endpoint, workspace = (text or "" for text in identity)
        number = _EXCLUDED
        if not (model or permaslug):
            number = _MISSING_MODEL
        elif not all(_is_label_text(text) for text in (model, permaslug, provider, endpoint, workspace)):
            number = _INVALID_TEXT
        elif self.shape.takes_model(model or permaslug):
            if not counts:
                return _NO_KEY_YET
            values = dict(zip(KEY_LABELS, (model or permaslug, provider, endpoint, workspace), strict=True))
            number = self.key_index(tuple(values[label] for label in self.shape.labels))
        self._identities[identity] = number
        return number


def _numbers(row: Row) -> tuple[float, ...] | None:
    """Return the numbers in the order of MEASURES, NaN for those not said; None if none is said."""
    numbers = (
        row.usage,
        row.byok_usage_inference,
        row.requests,
        row.prompt_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        row.cached_tokens,
    )
    if None not in numbers:
        return cast("tuple[float, ...]", numbers)
    if all(number is None for number in numbers):
        return None
    return tuple([math.nan if number is None else number for number in numbers])


def _is_label_text(text: str) -> bool:
    """Return whether text can be a label's value: short, and UTF-8 (a lone surrogate is not)."""
    if len(text) > LONGEST_TEXT:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
