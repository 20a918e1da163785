"""A collector on the landing page: as a card, and as a row of the overview."""

from __future__ import annotations

from datetime import datetime

from exporter.status import CollectorStatus, PollRecord
from exporter.web.collector_state import State, state_of
from exporter.web.page.chart import bars, sum_of
from exporter.web.page.formatting import count, isolated, moment, safe, span, stamp, usd
from exporter.web.page.query_table import query_table

ALL_ACCOUNTS = "all accounts"
NOTHING = "\N{EM DASH}"
TICKS = 30
ROW_TICKS = 12
MOST_PARTS = 5
OVERVIEW = ("Account", "Collector", "State", "Polls", "Last poll", "Next poll", "Latest UTC day", "Series", "30 days")

_OUTCOME_WORDS = {"changed": "new data", "unchanged": "no new data", "failed": "failed"}


def badge(state: State, before: str = "") -> str:
    """Return a state as a coloured word, after `before`."""
    return f'<span class="badge {state}">{before}{state}</span>'


def card(collector: CollectorStatus, now: datetime, *, with_chart: bool) -> str:
    """Return the details of a collector."""
    state = state_of(collector, now)
    last = collector.polls[-1] if collector.polls else None
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
        f"{_retry(collector, now)}{_error(last)}{_rejected(last)}{_missing_parts(collector)}{_advice(collector)}"
        f"{_history(collector.polls[-TICKS:])}<dl>{listed}</dl>{query_table(collector.queries, now)}{small}</article>"
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


def _retry(collector: CollectorStatus, now: datetime) -> str:
    retry = collector.retry
    if retry is None:
        return ""
    when = "in progress" if retry.next_attempt <= now else moment(retry.next_attempt, now)
    return (
        f'<p class="error retry"><b>retrying</b> {safe(retry.operation)}: attempt {retry.attempt} {when}. '
        f"Last error: <b>{safe(retry.status_class)}</b> {isolated(retry.error)}</p>"
    )


def _error(poll: PollRecord | None) -> str:
    if poll is None or poll.error is None:
        return ""
    word = poll.status_class or poll.reason
    kind = f"<b>{safe(word)}</b> " if word else ""
    return f'<p class="error">{kind}{isolated(poll.error)}</p>'


def _rejected(poll: PollRecord | None) -> str:
    if poll is None or not poll.rows_rejected:
        return ""
    rows = count(poll.rows_rejected, "row")
    return f'<p class="error">{rows} rejected in the last poll: totals lack them. The log has the reasons.</p>'


def _missing_parts(collector: CollectorStatus) -> str:
    return "".join(
        f'<p class="error"><b>{isolated(failure.part)}</b> {isolated(failure.error)}</p>'
        for failure in collector.failures[:MOST_PARTS]
    )


def _advice(collector: CollectorStatus) -> str:
    """Return how to correct the account's key, or what else failed the last poll; nothing if it succeeded."""
    advice = None if collector.healthy or not collector.polls else collector.advice or collector.polls[-1].hint
    return "" if advice is None else f'<p class="error">{isolated(advice)}</p>'
