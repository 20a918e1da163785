"""The analytics queries of a collector as a table: state, rows, last success, and when the values vanish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exporter.status import QueryStatus
from exporter.web.page.formatting import isolated, moment
from exporter.web.page.stacked_table import stacked_table

UNKNOWN = "\N{EM DASH}"
TITLES = ("Query", "State", "Rows", "Last success", "Values expire")


def query_table(queries: Sequence[QueryStatus], now: datetime) -> str:
    """Return the table, nothing if there are no queries."""
    if not queries:
        return ""
    failed = sum(query.error is not None for query in queries)
    summary = f"{len(queries)} queries, {failed or 'none'} failed" if len(queries) > 1 else "1 query"
    rows = (_cells(query.at(now), now) for query in queries)
    table = stacked_table(TITLES, rows, ("Rows",))
    return f'<details class="queries"><summary>{summary}</summary><div class="scroll">{table}</div></details>'


def _cells(query: QueryStatus, now: datetime) -> tuple[str, ...]:
    state = "healthy" if query.error is None else "failing"
    rows = UNKNOWN if query.rows is None else f"{'more than ' * query.truncated}{query.rows - query.truncated:,}"
    last = "never" if query.last_success is None else moment(query.last_success, now)
    expiry = UNKNOWN if query.expires is None or query.rows is None else moment(query.expires, now)
    return isolated(query.name), f'<span class="badge {state}">{state}</span>', rows, last, expiry
