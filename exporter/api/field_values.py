"""Fields of a JSON object as the API really sends them: absent, null, numbers as text, times in several forms.

None always means that the field has no value, never 0. A value that cannot be read is None too, and counted: one odd
timestamp, name or token count must not cost its row the dollars.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LONGEST_TEXT = 512
# Far above any real amount, and still exact as a float: sums cannot overflow or lose tokens.
LARGEST_NUMBER = 1e15
# Unix times from here on are milliseconds: as seconds they would be after the year 5000, and these before 1974.
FIRST_MILLISECONDS = 1e11
LAST_MILLISECONDS = 1e14
NO_LIMIT = -1

_NUMBER_TEXT = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object; `unreadable` counts, by name, those whose value cannot be read."""

    values: Mapping[str, Any]
    unreadable: Counter[str] = field(default_factory=Counter)

    def text(self, name: str) -> str | None:
        """Return a text that can be the value of a label."""
        value = self.values.get(name)
        return value if value is None or _is_label(value) else self._unreadable(name)

    def label(self, name: str) -> str:
        """Return a text, number or boolean as the value of a label, empty if there is none."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, int | float) else self.text(name) or ""

    def amount(self, name: str) -> float | None:
        """Return a number of either sign: money below 0 is a refund or a correction."""
        value = self.values.get(name)
        if value is None:
            return None
        number = as_number(value)
        return number if abs(number) <= LARGEST_NUMBER else self._unreadable(name)

    def count(self, name: str) -> float | None:
        """Return a number that is not below 0."""
        number = self.amount(name)
        return number if number is None or number >= 0 else self._unreadable(name)

    def limit(self, name: str, remaining: str) -> tuple[float | None, float | None]:
        """Return a limit and what remains of it, which is below 0 once it was exceeded. A limit of -1 is none."""
        limit, rest = self.amount(name), self.amount(remaining)
        if limit == NO_LIMIT:
            limit = None
        return limit, None if limit is None and rest == NO_LIMIT else rest

    def flag(self, name: str) -> bool | None:
        """Return a boolean, also one that came as 0, 1 or text."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        flag = _FLAGS.get(str(value).strip().lower())
        return self._unreadable(name) if flag is None else flag

    def time(self, name: str) -> float | None:
        """Return a point in time as Unix time, whether it came as text or as Unix time."""
        value = self.values.get(name)
        if value is None:
            return None
        number = as_number(value)
        if 0 < number < LAST_MILLISECONDS:
            return number if number < FIRST_MILLISECONDS else number / 1000
        moment = parse_time(value) if isinstance(value, str) else None
        return self._unreadable(name) if moment is None else moment.timestamp()

    def object(self, name: str) -> Fields:
        """Return the fields of a nested object, none if there is no object."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, Mapping):
            self._unreadable(name)
        return Fields(value if isinstance(value, Mapping) else {}, self.unreadable)

    def _unreadable(self, name: str) -> Any:
        self.unreadable[name] += 1
        return None


def as_number(value: Any) -> float:
    """Return a number that came as a JSON number or as text (`"1523"`, `5.0`); NaN for anything else."""
    if isinstance(value, str):
        text = _NUMBER_TEXT.fullmatch(value)
        return float(text[1]) if text else math.nan
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def parse_time(text: str) -> datetime | None:
    """Return the point in time of a date, or of a time in ISO 8601 or RFC 3339, in UTC; None for any other text."""
    try:
        moment = datetime.fromisoformat(re.sub(r"\s*(UTC|GMT)$", "Z", text.strip().upper()))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _is_label(value: Any) -> bool:
    """Return whether a value is short text that can be written as UTF-8: a lone surrogate cannot."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
