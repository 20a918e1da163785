"""A status as text: accounts, budgets and the largest spenders, as the landing page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exporter.status import CollectorStatus, Status
from exporter.web.collector_state import state_of
from exporter.web.overview import AccountBudget, AccountSummary, TopList, account_summaries, budgets_of, tops_of
from exporter.web.page.budget_bars import covers, left, percent
from exporter.web.page.formatting import printable, usd
from exporter.web.page.top_tables import share, total_of

UNKNOWN = "-"

# The columns of the tables, and those that are aligned to the right because they hold amounts.
ACCOUNT_COLUMNS = ("Account", "State", "Latest day", "30 days", "Today", "Credit left", "Budget")
BUDGET_COLUMNS = ("Account", "Budget", "Covers", "Limit", "Spent", "Used", "Left", "Projected")
RIGHT = ("Latest day", "30 days", "Today", "Credit left", "Limit", "Spent", "Used", "Left", "Projected", "USD", "Share")


def status_table(status: Status) -> str:
    """Return the tables, and the errors of collectors and budgets."""
    summaries = account_summaries(status)
    budgets = budgets_of(status.collectors)
    blocks = [_table(ACCOUNT_COLUMNS, map(_account, summaries)), _trouble(status)]
    if budgets:
        errors = [f"budget {shown.budget.name}: {shown.budget.error}" for shown in budgets if shown.budget.error]
        blocks += [_table(BUDGET_COLUMNS, map(_budget, budgets)), _lines(errors)]
    blocks += [_top(top_list, len(summaries)) for top_list in tops_of(status.collectors)]
    return "\n".join(block for block in blocks if block)


def _account(summary: AccountSummary) -> Sequence[str]:
    latest = None if summary.latest_day is None else summary.latest_day.usd
    amounts = (latest, summary.thirty_days, summary.today, summary.credit)
    budget = UNKNOWN
    if summary.budget is not None:
        budget = f"{percent(summary.budget.used or 0)} of {summary.budget.name}"
    return (summary.account, summary.state, *map(_usd, amounts), budget)


def _budget(shown: AccountBudget) -> Sequence[str]:
    budget = shown.budget
    used = UNKNOWN if budget.used is None else percent(budget.used)
    remaining = UNKNOWN if budget.remaining_usd is None else left(budget)
    amounts = (_usd(budget.limit_usd), _usd(budget.spent_usd), used, remaining, _usd(budget.projected_usd))
    return (shown.account, budget.name, covers(budget), *amounts)


def _top(top_list: TopList, accounts: int) -> str:
    title = f"{top_list.title}, {total_of(top_list, accounts)}\n"
    rows = ((row.account, row.name or "unnamed", usd(row.usd), share(row)) for row in top_list.rows)
    return title + _table(("Account", "Name", "USD", "Share"), rows)


def _trouble(status: Status) -> str:
    """Return a line for each collector that is not healthy, with its error."""
    states = [(collector, state_of(collector, status.now)) for collector in status.collectors]
    return _lines(
        f"{collector.account} {collector.collector}: {state}{_error(collector)}"
        for collector, state in states
        if state != "healthy"
    )


def _error(collector: CollectorStatus) -> str:
    last = collector.last_poll
    if last is None:
        return ""
    if last.error:
        parts = [last.error, collector.advice or last.hint]
    else:
        parts = [f"{last.rows_rejected:,} rows rejected: totals lack them" if last.rows_rejected else None]
        parts += [f"{failed.part}: {failed.error}" for failed in collector.failures]
    text = "; ".join(filter(None, parts))
    return f": {text}" if text else ""


def _usd(amount: float | None) -> str:
    return UNKNOWN if amount is None else usd(amount)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [[printable(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = (
        "  ".join(
            cell.rjust(width) if name in RIGHT else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        )
        for row in cells
    )
    return "".join(f"{line.rstrip()}\n" for line in aligned)
