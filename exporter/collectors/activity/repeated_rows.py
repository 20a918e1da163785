"""Rows of a response that may repeat an earlier one: those with the same key, day and numbers.

Only rows that share a cell of the usage table can repeat each other, so most rows of most responses cost nothing.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from exporter.api.activity_rows import ActivityRow

Content = tuple[int, int]  # a row's position (key and day), and a hash of its numbers


def content_of(position: int, numbers: array[float]) -> Content:
    """Return what identifies a row and its repetitions."""
    return position, hash(numbers.tobytes())


@dataclass(slots=True)
class RepeatedRows:
    """The rows of one response that were set aside: one of each content, and how often it came again."""

    rows: dict[Content, tuple[ActivityRow, int]] = field(default_factory=dict)
    _seen: set[Content] = field(default_factory=set)
    _shared: set[int] = field(default_factory=set)

    def set_aside(self, row: ActivityRow, content: Content, first: array[float] | None) -> bool:
        """Set a row aside if the response had its content before; return whether it did.

        `first` has the numbers of the first row at its position, None if that row is not part of this response.
        """
        position = content[0]
        if position not in self._shared:
            self._shared.add(position)
            if first is not None:
                self._seen.add(content_of(position, first))
        if content not in self._seen:
            self._seen.add(content)
            return False
        sample, times = self.rows.get(content, (row, 0))
        self.rows[content] = (sample, times + 1)
        return True
