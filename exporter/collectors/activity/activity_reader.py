"""Answers of `GET /activity`: the moment that they describe, and their rows in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.api.row_cutter import rows
from exporter.clock import Pause
from exporter.collectors.activity.usage_table import Table
from exporter.collectors.activity.windows import covered_days
from exporter.errors import InvalidResponse


@dataclass(frozen=True, slots=True)
class Moment:
    """When one or more answers were made: by our clock, and by the server's, where it said."""

    ours: datetime
    servers: tuple[datetime, ...]
    covered: frozenset[date]

    @property
    def now(self) -> datetime:
        """The earliest of all clocks: no day is believed to be over before it is by each of them."""
        return min((self.ours, *self.servers))

    def refuse_wrong_clock(self) -> None:
        """Raise InvalidResponse if the clocks have no day in common.

        Publishing what is left would be a day long ago without any use, and take away what is known.
        """
        if self.covered or not self.servers:
            return
        furthest = max(self.servers, key=lambda server: abs(server - self.ours))
        raise InvalidResponse(f"the server's clock says {furthest.date()}, ours {self.ours.date()}: no day in common")


def moment_of(instant: datetime, servers: Sequence[datetime | None]) -> Moment:
    """Return the moment of answers. Its days are those that each of them holds whole."""
    covered = frozenset.intersection(*(covered_days(instant, server) for server in servers))
    return Moment(instant, tuple(server for server in servers if server is not None), covered)


async def fill(pause: Pause, table: Table, answer: Response, rejections: Rejections) -> None:
    """Add an answer's rows to a table."""
    for piece in rows(answer, rejections):
        table.add(piece, rejections)
        await pause()


def refuse_unusable(table: Table, rejections: Rejections) -> None:
    """Raise InvalidResponse if there were rows, but none of them is usable: that would look like no use."""
    if rejections.counts and not table.usable:
        raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")
