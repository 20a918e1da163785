"""Rows and fields of a response that cannot be used, for the log and the counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from exporter.api.messages import printable
from exporter.errors import InvalidResponse

SAMPLE_SIZE = 3
# Reasons of rows that totals do not lack: the row was counted once, or belongs to another day.
NOT_MISSING = ("duplicate", "another_day")


@dataclass(slots=True)
class Rejections:
    """Number of rejected rows by reason and the first few of them as text; unreadable fields of other rows by name.

    `lacking` is the number of other rows without an amount of money that their neighbours have.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    sample: list[str] = field(default_factory=list)
    lacking: int = 0

    def reject(self, reason: str, row: object) -> None:
        """Count one row."""
        self.counts[reason] += 1
        if len(self.sample) < SAMPLE_SIZE:
            self.sample.append(f"{reason}: {_printable_row(row)}")

    @property
    def missing(self) -> int:
        """The number of rows that totals lack, or whose amounts they lack."""
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


def _printable_row(row: object) -> str:
    try:
        return printable(str(row))
    except RecursionError:
        return "nested too deeply to be shown"
