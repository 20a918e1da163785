"""The usage of one response: eight numbers per endpoint and day in one flat array of doubles.

100,000 small lists would make a garbage collection stall the event loop for tens of milliseconds. A number that the API
did not report is NaN, and so is every sum that it is part of.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, cast, get_args

from msgspec.structs import astuple

from exporter.api.activity_rows import ActivityRow, RejectionReason
from exporter.api.rejections import Rejections
from exporter.collectors.activity.exact_sums import Decimals, ExactSums
from exporter.collectors.activity.repeated_rows import Content, RepeatedRows, content_of
from exporter.collectors.constants import OTHER
from exporter.collectors.days import DAY, parse_day
from exporter.collectors.measures import MEASURES, MONEY

WIDTH = len(MEASURES)
NO_CELL = -1
IDENTITIES_PER_KEY = 4  # several may be one key: excluded models, dropped labels
MOST_DATE_TEXTS = 4096

KeyLabel = Literal["model", "provider", "endpoint_id", "workspace_id", "key", "user_id"]
KEY_LABELS: tuple[KeyLabel, ...] = get_args(KeyLabel)
SPLIT_LABELS: dict[KeyLabel, str] = {"workspace_id": "workspace", "key": "api_key", "user_id": "member"}  # `split_by`

Key = tuple[str, ...]
Offset = int | RejectionReason
_Identity = tuple[str | None, str | None, str | None, str | None, str | None]

# Parts of a row as a tuple, in the order of ActivityRow's fields.
_DATE = itemgetter(0)
_IDENTITY = itemgetter(slice(1, 6))
_PERMASLUG = itemgetter(2)
_NUMBERS = itemgetter(slice(6, 14))

_NO_KEY = -1  # instead of the index of a key: the model is missing or excluded
TODAY = -1  # instead of the offset of a completed day


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table keeps: the labels that tell endpoints apart, the models that it takes, and its completed days.

    Rows may have the days from `first` to `today`; those before today are completed. Offsets count from `first`.
    `most_keys` is how many keys a response, or each part of a split, may add: memory is bounded, whatever is sent.
    `exact` tables know their sums as decimals too.
    """

    labels: tuple[KeyLabel, ...]
    takes_model: Callable[[str], bool]
    first: date
    today: date
    most_keys: int
    exact: bool = False
    columns: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(map(KEY_LABELS.index, self.labels)))

    @property
    def days(self) -> int:
        """The number of completed days."""
        return (self.today - self.first).days

    def other(self, key: Key) -> Key:
        """Return the labels of folded endpoints; those of each workspace, key or member keep its label."""
        return tuple(value if label in SPLIT_LABELS else OTHER for label, value in zip(self.labels, key, strict=True))

    def offset(self, day: date) -> int:
        """Return the offset of a day."""
        return (day - self.first).days

    def offset_of(self, text: str) -> Offset:
        """Return the offset of a row's date, TODAY, or the reason to reject the row."""
        day = parse_day(text)
        if day is None:
            return "invalid_date"
        if day > self.today:
            return "future_date"
        if day < self.first:
            return "old_date"
        return TODAY if day == self.today else self.offset(day)


@dataclass(slots=True, eq=False)
class Table:
    """Sums by key (label values in the order of the shape's labels) and day.

    `cells` holds WIDTH doubles per cell, `cell_of` one cell number per key and day. `permaslugs` holds the latest dated
    model name of a key, with its day. `days_with_rows` are the offsets of days with a usable row, excluded or not.
    `reported` are measures that a row reports though the sum in its cell is unknown. `overflow` counts the rows that
    were added to `other` because there were too many keys.
    """

    shape: Shape
    keys: dict[Key, int] = field(default_factory=dict)
    cells: array[float] = field(default_factory=lambda: array("d"))
    cell_of: array[int] = field(default_factory=lambda: array("i"))
    permaslugs: list[tuple[int, str]] = field(default_factory=list)
    days_with_rows: set[int] = field(default_factory=set)
    reported: set[int] = field(default_factory=set)
    usable: int = 0
    _has_today: bool = False
    _cells_before_response: int = 0
    _repeated: RepeatedRows = field(default_factory=RepeatedRows)
    _lacking: Counter[tuple[int, ...]] = field(default_factory=Counter)
    _unknown: set[tuple[Key, int]] = field(default_factory=set)
    overflow: int = 0
    _exact_sums: ExactSums = field(default_factory=ExactSums)
    _errors: array[float] = field(default_factory=lambda: array("d"))
    _errors_of: dict[int, int] = field(default_factory=dict)
    _identities: dict[_Identity, int] = field(default_factory=dict)
    _part: str = ""
    _keys_before_part: int = 0
    _offset: Callable[[str], Offset] = field(init=False)

    def __post_init__(self) -> None:
        self._offset = lru_cache(MOST_DATE_TEXTS)(self.shape.offset_of)

    def start_part(self, part: str) -> None:
        """Put the rows that follow under this `key` or `user_id`, which rows do not have themselves."""
        self._part = part
        self._identities = {}
        self._keys_before_part = len(self.keys)

    def add(self, rows: Sequence[ActivityRow], rejections: Rejections) -> None:
        """Add rows to their cells; rows of one key and day are summed. Rows that cannot be used are rejected.

        Rows that may repeat an earlier row of the response are left for `end_response`.
        """
        if not self._add_all(list(map(astuple, rows))):
            for row in rows:
                self._add_one(row, rejections)

    def end_response(self) -> dict[Content, tuple[ActivityRow, int]]:
        """Return the rows with the key, day and numbers of an earlier row, and how often they came.

        The rows of another response may follow.
        """
        for key, offset in self._unknown:
            if key in self.keys:
                self._add_to(self.keys[key] * self.shape.days + offset, array("d", [math.nan] * WIDTH))
        repeated, self._repeated, self._unknown = self._repeated, RepeatedRows(), set()
        self._cells_before_response = len(self.cells) // WIDTH
        return repeated.rows

    def content_of(self, row: ActivityRow) -> Content | None:
        """Return what a row and its repetitions have in common, None for a row that is not part of the table."""
        offset, numbers, overflow = self._offset(row.date), _numbers(row), self.overflow
        if not isinstance(offset, int) or offset == TODAY or all(map(math.isnan, numbers)):
            return None
        key = self._key(_IDENTITY(astuple(row)))
        self.overflow = overflow  # the row was counted when it was added
        return None if key < 0 else content_of(key * self.shape.days + offset, numbers)

    def add_again(self, content: Content, row: ActivityRow) -> None:
        """Add a row that only looked like a repetition."""
        self._add_to(content[0], _numbers(row))

    def _add_all(self, rows: list[tuple[Any, ...]]) -> bool:
        """Add rows that all count and have all their numbers: nearly every piece of nearly every response.

        Return False, and add none, if one of them needs a closer look.
        """
        try:
            numbers = array("d", list(chain.from_iterable(map(_NUMBERS, rows))))
        except TypeError:
            return False
        offsets = list(map(self._offset, map(_DATE, rows)))
        days = set(offsets)
        if not all(isinstance(day, int) and day != TODAY for day in days):
            return False
        keys = list(map(self._identities.get, map(_IDENTITY, rows)))
        if None in keys:
            keys = list(map(self._key, map(_IDENTITY, rows)))
        indices = cast("list[int]", keys)
        if indices and min(indices) < 0:
            return False
        self._add_cells(indices, cast("list[int]", offsets), numbers, rows)
        self.days_with_rows |= cast("set[int]", days)
        self.usable += len(rows)
        return True

    def _add_cells(
        self, keys: list[int], offsets: list[int], numbers: array[float], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        cell_of, days, latest = self.cell_of, self.shape.days, self.permaslugs
        positions = [key * days + offset for key, offset in zip(keys, offsets, strict=True)]
        if len(set(positions)) == len(positions) and not any(cell_of[position] != NO_CELL for position in positions):
            for cell, position in enumerate(positions, len(self.cells) // WIDTH):
                cell_of[position] = cell
            self.cells.extend(numbers)
        else:
            for index, (position, row) in enumerate(zip(positions, rows, strict=True)):
                part = numbers[index * WIDTH : (index + 1) * WIDTH]
                if not self._repeats(position, part, row):
                    self._add_to(position, part)
        for key, offset, permaslug in zip(keys, offsets, map(_PERMASLUG, rows), strict=True):
            if permaslug and offset >= latest[key][0]:
                latest[key] = max(latest[key], (offset, permaslug))

    def _repeats(self, position: int, numbers: array[float], row: tuple[Any, ...]) -> bool:
        cell = self.cell_of[position]
        if cell == NO_CELL:
            return False
        is_of_response = cell >= self._cells_before_response
        first = self.cells[cell * WIDTH : (cell + 1) * WIDTH] if is_of_response else None
        return self._repeated.set_aside(ActivityRow(*row), content_of(position, numbers), first)

    def _add_to(self, position: int, numbers: array[float]) -> None:
        if self.cell_of[position] == NO_CELL:
            self.cell_of[position] = len(self.cells) // WIDTH
            self.cells.extend(numbers)
        else:
            self._add_to_cell(self.cell_of[position], numbers)

    def _add_one(self, row: ActivityRow, rejections: Rejections) -> None:
        """Add a row to its cell, or reject it. A missing number makes the sum that it belongs to unknown."""
        offset, numbers = self._offset(row.date), _numbers(row)
        identity, model = _IDENTITY(astuple(row)), row.model or row.model_permaslug
        if isinstance(offset, str):
            rejections.reject(offset, row)
        elif not model:
            rejections.reject("missing_model", row)
        elif all(map(math.isnan, numbers)):
            rejections.reject("missing_numbers", row)
            # It makes no key: an endpoint known from a rejected row alone would be published as 0.
            if offset != TODAY and self.shape.takes_model(model):
                self._unknown.add((self._labels(identity), offset))
        elif offset == TODAY:
            self.usable += 1
            self._has_today = True
        else:
            self.usable += 1
            self.days_with_rows.add(offset)
            key = self._key(identity)
            if key != _NO_KEY:
                self._add_cells([key], [offset], numbers, [astuple(row)])
                self._lacking[tuple(measure for measure in MONEY if math.isnan(numbers[measure]))] += 1

    def count_lacking(self, rejections: Rejections) -> None:
        """Count the rows without an amount that other rows have: totals lack it."""
        for measures, rows in self._lacking.items():
            if any(self.is_reported(measure) for measure in measures):
                rejections.lacking += rows

    def is_reported(self, measure: int) -> bool:
        """Return whether any row has this number. Without rows every measure counts as reported."""
        column = self.cells[measure::WIDTH]
        return measure in self.reported or not column or not all(map(math.isnan, column))

    def _add_to_cell(self, cell: int, numbers: Sequence[float]) -> None:
        """Add to the numbers of a cell; what each addition rounds away is kept for the next one (Dekker).

        However many rows share a cell, their sum is right to its last digit, whatever their order: another order of the
        same rows is not a restatement.
        """
        errors, cells = self._errors, self.cells
        if self.shape.exact:
            self._exact_sums.add(cell, cells[cell * WIDTH : (cell + 1) * WIDTH], numbers)
        start = self._errors_of.setdefault(cell, len(errors))
        if start == len(errors):
            errors.extend([0.0] * WIDTH)
        for error, (at, number) in enumerate(enumerate(numbers, cell * WIDTH), start):
            high = cells[at]
            total = high + number
            part = total - high
            low = errors[error] + ((high - (total - part)) + (number - part))
            cells[at] = rounded = total + low
            errors[error] = low - (rounded - total)
            if math.isnan(rounded) and not (math.isnan(high) and math.isnan(number)):
                self.reported.add(at % WIDTH)

    @property
    def last_day(self) -> date | None:
        """The last day with a row, None if there is none."""
        if self._has_today:
            return self.shape.today
        return self.shape.first + max(self.days_with_rows) * DAY if self.days_with_rows else None

    def key_index(self, key: Key) -> int:
        """Return a key's index; a new key gets the next one."""
        index = self.keys.setdefault(key, len(self.keys))
        if index == len(self.permaslugs):
            self.cell_of.extend([NO_CELL] * self.shape.days)
            self.permaslugs.append((NO_CELL, ""))
        return index

    def numbers(self, key: int, offset: int) -> array[float] | None:
        """Return the numbers of a key on a day, None where it has no row."""
        cell = self.cell_of[key * self.shape.days + offset]
        return None if cell == NO_CELL else self.cells[cell * WIDTH : (cell + 1) * WIDTH]

    def decimals(self, key: Key, offset: int) -> Decimals | None:
        """Return the numbers of a key on a day to the last digit, None where it has no row. Only of exact tables."""
        cell = self.cell_of[self.keys[key] * self.shape.days + offset] if key in self.keys else NO_CELL
        return None if cell == NO_CELL else self._exact_sums.of(cell, self.cells[cell * WIDTH : (cell + 1) * WIDTH])

    def put(self, key: int, offset: int, numbers: array[float]) -> None:
        """Set the numbers of a key on a day on which it has none."""
        self._add_to(key * self.shape.days + offset, numbers)

    def remove_day(self, offset: int) -> None:
        """Remove the rows of a day."""
        self.days_with_rows.discard(offset)
        for position in range(offset, len(self.cell_of), self.shape.days):
            self.cell_of[position] = NO_CELL

    def _key(self, identity: _Identity) -> int:
        """Return the index of the key that rows with this identity are summed under, or _NO_KEY."""
        index = self._identities.get(identity)
        if index is not None:
            return index
        index, name = _NO_KEY, identity[0] or identity[1]
        if name and self.shape.takes_model(name):
            key = self._labels(identity)
            if self._is_full(key):
                self.overflow += 1
                other = self.shape.other(key)
                return self.key_index((OTHER,) * len(key) if self._is_full(other, times=2) else other)
            index = self.key_index(key)
        if len(self._identities) < IDENTITIES_PER_KEY * self.shape.most_keys:
            self._identities[identity] = index
        return index

    def _is_full(self, key: Key, times: int = 1) -> bool:
        return key not in self.keys and len(self.keys) - self._keys_before_part >= times * self.shape.most_keys

    def _labels(self, identity: _Identity) -> Key:
        model, permaslug, endpoint, provider, workspace = identity
        values = (model or permaslug or "", provider or "", endpoint or "", workspace or "", self._part, self._part)
        return tuple([values[column] for column in self.shape.columns])


def _numbers(row: ActivityRow) -> array[float]:
    """Return the numbers in the order of MEASURES, NaN for those that are missing."""
    return array("d", [math.nan if number is None else number for number in _NUMBERS(astuple(row))])
