"""The analytics queries of a collector as a table: state, rows, last success, and when the values vanish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exporter.status import QueryStatus
from exporter.web.page.formatting import isolated, moment

UNKNOWN = "\N{EM DASH}"


def query_table(queries: Sequence[QueryStatus], now: datetime) -> str:
    """Return the table, nothing if there are no queries."""
    if not queries:
        return ""
    failed = sum(query.error is not None for query in queries)
    summary = f"{len(queries)} queries, {failed or 'none'} failed" if len(queries) > 1 else "1 query"
    head = "<tr><th>Query</th><th>State</th><th>Rows</th><th>Last success</th><th>Values expire</th></tr>"
    rows = "".join(_row(query.at(now), now) for query in queries)
    return (
        f'<details class="queries"><summary>{summary}</summary>'
        f'<div class="scroll"><table class="stack"><thead>{head}</thead><tbody>{rows}</tbody></table></div></details>'
    )


def _row(query: QueryStatus, now: datetime) -> str:
    state = "healthy" if query.error is None else "failing"
    rows = UNKNOWN if query.rows is None else f"{'more than ' * query.truncated}{query.rows - query.truncated:,}"
    last = "never" if query.last_success is None else moment(query.last_success, now)
    expiry = UNKNOWN if query.expires is None or query.rows is None else moment(query.expires, now)
    return (
        f'<tr><th scope="row">{isolated(query.name)}</th>'
        f'<td data-name="State"><span class="badge {state}">{state}</span></td>'
        f'<td class="n" data-name="Rows">{rows}</td><td data-name="Last success">{last}</td>'
        f'<td data-name="Values expire">{expiry}</td></tr>'
    )
