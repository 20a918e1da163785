"""Responses of `GET /activity`: when they were made, and their rows in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.api.row_cutter import distinct_rows, rows
from exporter.clock import Pause
from exporter.collectors.activity.repeated_rows import Content
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

    def covered_by(self, table: Table) -> frozenset[date]:
        """Return the days that are known whole.

        Without a Date header these end with the last day that has a row: our clock may be ahead of the API.
        """
        if self.servers:
            return self.covered
        last = table.last_day
        return frozenset(day for day in self.covered if last is not None and day <= last)

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
    """Add a response's rows to a table. A row that comes again, byte for byte, counts once."""
    for piece in rows(response, rejections):
        table.add(piece, rejections)
        await pause()
    repeated = table.end_response()
    if not repeated:
        return
    # Rows are alike in key, day and numbers: those that differ in any other field are not duplicates.
    distinct: Counter[Content] = Counter()
    for piece in distinct_rows(response):
        distinct.update(content for content in map(table.content_of, piece) if content in repeated)
        await pause()
    for content, (row, times) in repeated.items():
        others = max(distinct[content] - 1, 0)
        for _ in range(others):
            table.add_again(content, row)
            await pause()
        if times > others:
            rejections.reject("duplicate", row)
            rejections.counts["duplicate"] += times - others - 1
