"""Rows and fields of a response that cannot be used, for the log and the counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from exporter.api.messages import printable
from exporter.errors import InvalidResponse

SAMPLE_SIZE = 3
# Reasons of rows that totals do not lack: the row was counted once, or belongs to another day.
NOT_MISSING = ("duplicate", "another_day")

# Fields whose text is shown. Any other may name a person: keys and apps have whatever names their users choose.
_SHOWN = frozenset(
    ("date", "model", "model_permaslug", "provider", "provider_name", "endpoint_id", "tag", "hash", "canonical_slug")
)
_MOST_FIELDS = 30
_LONGEST_TEXT = 60
_LARGEST_NUMBER = 10**18  # converting a number of very many digits to text is slow
_KINDS = {str: "text", int: "number", list: "list", dict: "object", type(None): "null"}


@dataclass(slots=True)
class Rejections:
    """Counts of rejected rows by reason, with the first few as text, and of other rows' unreadable fields by name.

    `lacking` is the number of other rows without an amount of money that their neighbours have.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)
    lacking: int = 0

    def reject(self, reason: str, row: object) -> None:
        """Count one row, and add its fields that cannot identify a person to the sample."""
        self.reject_as(reason, _shown(row) if len(self.sample) < SAMPLE_SIZE else "")

    def reject_as(self, reason: str, description: str) -> None:
        """Count one row, and add this text, which must not identify a person, to the sample."""
        self.counts[reason] += 1
        if len(self.sample) < SAMPLE_SIZE:
            self.sample.append(f"{reason}: {printable(description)}")

    @property
    def missing(self) -> int:
        """The number of rows that totals lack wholly, or without their amounts."""
        return self.lacking + sum(rows for reason, rows in self.counts.items() if reason not in NOT_MISSING)

    def __bool__(self) -> bool:
        return bool(self.counts or self.unreadable)

    def refuse_all(self, what: str, usable: object) -> None:
        """Raise InvalidResponse if rows, called `what`, were rejected and there are no usable ones.

        Publishing nothing would look like no usage, or no keys.
        """
        if self.counts and not usable:
            raise InvalidResponse(f"none of the {what} is usable, such as {self.sample[0]}")

    def update(self, other: Rejections) -> None:
        """Add the rows of another response of the same poll."""
        self.counts.update(other.counts)
        self.unreadable.update(other.unreadable)
        self.lacking += other.lacking
        self.sample.extend(other.sample[: SAMPLE_SIZE - len(self.sample)])


def _shown(row: object) -> str:
    """Return a row as text: numbers, and the text of fields that cannot identify a person."""
    if isinstance(row, msgspec.Struct):
        row = msgspec.structs.asdict(row)
    if not isinstance(row, Mapping):
        return _kind(row)
    fields = (f"{name!r}: {_value(name, value)}" for name, value in islice(row.items(), _MOST_FIELDS))
    return f"{{{', '.join(fields)}}}"


def _value(name: object, value: object) -> str:
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _LARGEST_NUMBER):
        return repr(value)
    return repr(printable(value)[:_LONGEST_TEXT]) if isinstance(value, str) and name in _SHOWN else _kind(value)


def _kind(value: object) -> str:
    return f"<{_KINDS.get(type(value), 'value')}>"
