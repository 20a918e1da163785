"""Responses of `GET /activity`: when they were made, and their rows in a table."""

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
    """When the responses of a poll were made: by our clock, and by the server's where it sent a Date header.

    `covered` are the days that each of the responses holds whole.
    """

    ours: datetime
    servers: tuple[datetime, ...]
    covered: frozenset[date]

    @property
    def now(self) -> datetime:
        """The earliest of all clocks: a day is over once it is over by each of them."""
        return min((self.ours, *self.servers))

    def refuse_wrong_clock(self) -> None:
        """Raise InvalidResponse if the clocks have no day in common.

        A day long ago without any usage would be published instead, and replace what is known.
        """
        if self.covered or not self.servers:
            return
        furthest = max(self.servers, key=lambda server: abs(server - self.ours))
        raise InvalidResponse(f"the server's clock says {furthest.date()}, ours {self.ours.date()}: no day in common")


def moment_of(instant: datetime, servers: Sequence[datetime | None]) -> Moment:
    """Return the moment of a poll's responses; `servers` has the time of each Date header."""
    covered = frozenset.intersection(*(covered_days(instant, server) for server in servers))
    return Moment(instant, tuple(server for server in servers if server is not None), covered)


async def fill(pause: Pause, table: Table, response: Response, rejections: Rejections) -> None:
    """Add a response's rows to a table."""
    for piece in rows(response, rejections):
        table.add(piece, rejections)
        await pause()


def refuse_unusable(table: Table, rejections: Rejections) -> None:
    """Raise InvalidResponse if there are rows, but none is usable: that would look like no usage."""
    if rejections.counts and not table.usable:
        raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")
