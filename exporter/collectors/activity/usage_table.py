"""The sums of one answer: seven numbers per endpoint and day, flat, so that the garbage collector has no work.

100,000 small lists make the collector of garbage stall the event loop for tens of milliseconds; one array of
doubles does not. A number that the API did not report is NaN here, and stays NaN in every sum it is part of.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, count
from operator import itemgetter
from typing import Any, Literal, cast

from msgspec.structs import astuple

from exporter.api.activity_rows import ActivityRow, RejectionReason
from exporter.api.rejections import Rejections
from exporter.collectors.activity.windows import parse_day

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

KeyLabel = Literal["model", "provider", "endpoint_id", "workspace_id", "key", "user_id"]
KEY_LABELS: tuple[KeyLabel, ...] = ("model", "provider", "endpoint_id", "workspace_id", "key", "user_id")

Key = tuple[str, ...]
Place = int | RejectionReason
_Identity = tuple[str | None, str | None, str | None, str | None, str | None]

# Parts of a row as a tuple, in the order of Row's fields.
_DATE = itemgetter(0)
_IDENTITY = itemgetter(slice(1, 6))
_PERMASLUG = itemgetter(2)
_NUMBERS = itemgetter(slice(6, 13))

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
    columns: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(map(KEY_LABELS.index, self.labels)))

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
    _part: str = ""

    def begin_part(self, part: str) -> None:
        """Put the rows that follow under this `key` or `user_id`, which rows don't tell themselves."""
        self._part = part
        self._identities = {}

    def add(self, rows: Sequence[ActivityRow], rejections: Rejections) -> None:
        """Add rows to their cells; rows of one key and day are summed. Rows that can't be used are rejected."""
        if not self._add_all(list(map(astuple, rows))):
            for row in rows:
                self._add_one(row, rejections)

    def _add_all(self, rows: list[tuple[Any, ...]]) -> bool:
        """Add rows that all count and have all their numbers: nearly every piece of nearly every answer.

        Return False, and add none, if there is one among them that has to be looked at by itself.
        """
        try:
            numbers = array("d", list(chain.from_iterable(map(_NUMBERS, rows))))
        except TypeError:
            return False
        places = [self._dates.get(text) for text in map(_DATE, rows)]
        if None in places:
            places = [self._place(text) for text in map(_DATE, rows)]
        days = set(places)
        if not all(isinstance(day, int) and day != UNUSED for day in days):
            return False
        keys = list(map(self._identities.get, map(_IDENTITY, rows)))
        if None in keys:
            keys = [self._key(identity, counts=True) for identity in map(_IDENTITY, rows)]
        known = cast("list[int]", keys)
        if known and min(known) < 0:
            return False
        self._place_cells(known, cast("list[int]", places), numbers, list(map(_PERMASLUG, rows)))
        self.days_with_rows |= cast("set[int]", days)
        self.usable += len(rows)
        return True

    def _place_cells(
        self, keys: list[int], places: list[int], numbers: array[float], permaslugs: list[str | None]
    ) -> None:
        cells, width, permaslug_of = self.places, self.shape.days, self.permaslugs
        first = len(self.cells) // WIDTH
        self.cells.extend(numbers)
        for cell, key, place, permaslug in zip(count(first), keys, places, permaslugs, strict=False):
            position = key * width + place
            if cells[position] == NO_CELL:
                cells[position] = cell
            else:
                self._add_to_cell(cells[position], self.cells[cell * WIDTH : (cell + 1) * WIDTH])
            if permaslug and place >= permaslug_of[key][0]:
                permaslug_of[key] = max(permaslug_of[key], (place, permaslug))

    def _add_one(self, row: ActivityRow, rejections: Rejections) -> None:
        place = self._place(row.date)
        numbers = _numbers(row)
        counts = numbers is not None and isinstance(place, int) and place != UNUSED
        key = self._key(_IDENTITY(astuple(row)), counts=counts)
        if isinstance(place, str):
            rejections.reject(place, row)
        elif key in _REASONS:
            rejections.reject(_REASONS[key], row)
        elif numbers is None:
            rejections.reject("missing_numbers", row)
        else:
            self.usable += 1
            if place != UNUSED:
                self.days_with_rows.add(place)
                if key != _EXCLUDED:
                    self._place_cells([key], [place], array("d", numbers), [row.model_permaslug])

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

    def _place(self, text: str) -> Place:
        place = self._dates.get(text)
        if place is None:
            if len(self._dates) >= MOST_DATE_TEXTS:
                self._dates.clear()
            place = self._dates[text] = self.shape.place(text)
        return place

    def _key(self, identity: _Identity, *, counts: bool) -> int:
        """Return what rows with this identity are for; they become a key by the first row that counts.

        A row that is rejected or unused must not: an endpoint known only from it would be published as 0.
        """
        number = self._identities.get(identity)
        if number is not None:
            return number
        model, permaslug, endpoint, provider, workspace = identity
        number = _EXCLUDED
        if not (model or permaslug):
            number = _MISSING_MODEL
        elif not _are_label_texts(identity):
            number = _INVALID_TEXT
        elif self.shape.takes_model(model or permaslug or ""):
            if not counts:
                return _NO_KEY_YET
            values = (model or permaslug or "", provider or "", endpoint or "", workspace or "", self._part, self._part)
            number = self.key_index(tuple([values[column] for column in self.shape.columns]))
        self._identities[identity] = number
        return number


def _numbers(row: ActivityRow) -> tuple[float, ...] | None:
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


def _are_label_texts(texts: _Identity) -> bool:
    """Return whether texts can be labels' values: short, and UTF-8 (a lone surrogate is not)."""
    if max(len(text or "") for text in texts) > LONGEST_TEXT:
        return False
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        return False
    return True
