"""A collector on the landing page: as a card with its analytics queries, and as a row of the overview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exporter.status import CollectorStatus, PollRecord, QueryStatus
from exporter.web.collector_state import State, state_of
from exporter.web.overview import sum_of
from exporter.web.page.chart import bars
from exporter.web.page.formatting import count, isolated, moment, safe, span, stamp, usd
from exporter.web.page.stacked_table import stacked_table

ALL_ACCOUNTS = "all accounts"
NOTHING = "\N{EM DASH}"
TICKS = 30
ROW_TICKS = 12
MOST_PARTS = 5
OVERVIEW = ("Account", "Collector", "State", "Polls", "Last poll", "Next poll", "Latest UTC day", "Series", "30 days")
QUERIES = ("Query", "State", "Rows", "Last success", "Values expire")

_OUTCOME_WORDS = {"changed": "new data", "unchanged": "no new data", "failed": "failed"}


def badge(state: State, before: str = "") -> str:
    """Return a state as a coloured word, after `before`."""
    return f'<span class="badge {state}">{before}{state}</span>'


def card(collector: CollectorStatus, now: datetime, *, with_chart: bool) -> str:
    """Return the details of a collector."""
    state = state_of(collector, now)
    last = collector.last_poll
    facts = [
        ("Last poll", _last(last, now)),
        ("Next poll", _next(collector, now)),
        ("Interval", span(collector.interval_seconds)),
    ]
    if last is not None and last.outcome == "failed":
        success = "never" if collector.last_success is None else moment(collector.last_success, now)
        facts.append(("Last success", success))
    if collector.day is not None:  # credit and limits are as of the poll, so they have no day
        facts.append(("Latest day", f"{collector.day} (UTC)"))
    facts += [(name, usd(amount)) for name, amount in collector.figures]
    facts += [
        ("Series", f"{collector.series:,}"),
        ("Values expire", _expiry(collector, now)),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    spend = sum_of([collector.spend])
    small = ""
    if with_chart and spend.total > 0:
        label = f"Spend per day from {spend.days[0][0]} to {spend.days[-1][0]}"
        small = f'<div class="small">{bars(spend, label, "low")}<p>{usd(spend.total)} in 30 days</p></div>'
    return (
        f'<article class="card {state}"><header><h3>{isolated(collector.account or ALL_ACCOUNTS)}'
        f" <small>{safe(collector.collector)}</small></h3>{badge(state)}</header>"
        f"{_problems(collector, now)}{_history(collector.polls[-TICKS:])}<dl>{listed}</dl>"
        f"{_query_table(collector.queries, now)}{small}</article>"
    )


def overview_cells(collector: CollectorStatus, now: datetime) -> tuple[str, ...]:
    """Return a collector as a row of the overview, in the order of OVERVIEW."""
    spend = sum_of([collector.spend])
    return (
        isolated(collector.account),
        safe(collector.collector),
        badge(state_of(collector, now)),
        _row_history(collector.polls[-ROW_TICKS:]),
        moment(collector.polls[-1].started, now) if collector.polls else NOTHING,
        _next(collector, now),
        str(collector.day or NOTHING),
        f"{collector.series:,}",
        usd(spend.total) if spend.days or collector.day else NOTHING,
    )


def _history(polls: tuple[PollRecord, ...]) -> str:
    if not polls:
        return '<p class="note">The first poll has not ended yet.</p>'
    marks = "".join(
        f'<i class="{poll.outcome}" title="{stamp(poll.started)}: {_OUTCOME_WORDS[poll.outcome]}, '
        f'{span(poll.duration_seconds)}"></i>'
        for poll in polls
    )
    drawn = f'<div class="ticks" aria-hidden="true">{marks}</div>'
    return f'<div class="history">{drawn}<p class="note">{_tally(polls)}</p></div>'


def _row_history(polls: tuple[PollRecord, ...]) -> str:
    if not polls:
        return NOTHING
    marks = "".join(f'<i class="{poll.outcome}"></i>' for poll in polls)
    return f'<div class="ticks" role="img" aria-label="{_tally(polls)}">{marks}</div>'


def _tally(polls: tuple[PollRecord, ...]) -> str:
    failed = sum(poll.outcome == "failed" for poll in polls)
    return f"{failed or 'none'} of {len(polls)} failed"


def _last(poll: PollRecord | None, now: datetime) -> str:
    if poll is None:
        return "none yet"
    how = "failed after" if poll.outcome == "failed" else f"{_OUTCOME_WORDS[poll.outcome]} in"
    return f"{moment(poll.started, now)}, {how} {span(poll.duration_seconds)}"


def _next(collector: CollectorStatus, now: datetime) -> str:
    if collector.polling:
        return "in progress"
    if collector.next_poll is None:
        return "not scheduled"
    return moment(max(collector.next_poll, now), now)


def _expiry(collector: CollectorStatus, now: datetime) -> str:
    if collector.expires is not None:
        return moment(collector.expires, now)
    return "never" if collector.series else "nothing published"


def _problems(collector: CollectorStatus, now: datetime) -> str:
    """Return a paragraph for each thing that is wrong with a collector."""
    problems = []
    if (retry := collector.retry) is not None:
        when = "in progress" if retry.next_attempt <= now else moment(retry.next_attempt, now)
        problems.append(
            f"<b>retrying</b> {safe(retry.operation)}: attempt {retry.attempt} {when}. "
            f"Last error: <b>{safe(retry.status_class)}</b> {isolated(retry.error)}"
        )
    if (last := collector.last_poll) is not None and last.error is not None:
        word = last.status_class or last.reason
        problems.append((f"<b>{safe(word)}</b> " if word else "") + isolated(last.error))
    if collector.rows_rejected:
        rows = count(collector.rows_rejected, "row")
        problems.append(f"{rows} rejected in the last poll: totals lack them. The log has the reasons.")
    problems += [
        f"<b>{isolated(failure.part)}</b> {isolated(failure.error)}" for failure in collector.failures[:MOST_PARTS]
    ]
    if last is not None and last.outcome == "failed" and (advice := collector.advice or last.hint) is not None:
        problems.append(isolated(advice))
    return "".join(f'<p class="error">{problem}</p>' for problem in problems)


def _query_table(queries: Sequence[QueryStatus], now: datetime) -> str:
    """Return the analytics queries as a table, nothing if there are none."""
    if not queries:
        return ""
    failed = sum(query.error is not None for query in queries)
    summary = f"{len(queries)} queries, {failed or 'none'} failed" if len(queries) > 1 else "1 query"
    table = stacked_table(QUERIES, (_query_cells(query.at(now), now) for query in queries), ("Rows",))
    return f'<details class="queries"><summary>{summary}</summary><div class="scroll">{table}</div></details>'


def _query_cells(query: QueryStatus, now: datetime) -> tuple[str, ...]:
    rows = NOTHING if query.rows is None else f"{'more than ' * query.truncated}{query.rows - query.truncated:,}"
    last = "never" if query.last_success is None else moment(query.last_success, now)
    expiry = NOTHING if query.expires is None or query.rows is None else moment(query.expires, now)
    return isolated(query.name), badge("healthy" if query.error is None else "failing"), rows, last, expiry
