"""The accounts on the landing page: one row each, those in trouble first."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from exporter.status import BudgetStatus
from exporter.web.overview import AccountSummary
from exporter.web.page.budget_bars import percent
from exporter.web.page.collector_card import NOTHING, badge
from exporter.web.page.formatting import isolated, safe, usd
from exporter.web.page.stacked_table import stacked_table, table_section
from exporter.web.web_settings import WebSettings

ACCOUNTS = "/accounts/"
AMOUNTS = ("Latest day", "30 days", "Today", "Credit left")


def account_path(account: str, settings: WebSettings) -> str:
    """Return the path of an account's page."""
    return settings.path(ACCOUNTS + quote(account, safe=""))


def account_table(summaries: Sequence[AccountSummary], settings: WebSettings) -> str:
    """Return the section."""
    titles = ("Account", "State", *AMOUNTS, "Budget")
    rows = (_cells(summary, settings) for summary in summaries)
    return table_section("Accounts", stacked_table(titles, rows, AMOUNTS))


def _cells(summary: AccountSummary, settings: WebSettings) -> tuple[str, ...]:
    latest = None if summary.latest_day is None else summary.latest_day.usd
    amounts = (latest, summary.thirty_days, summary.today, summary.credit)
    return (
        f'<a href="{safe(account_path(summary.account, settings))}">{isolated(summary.account)}</a>',
        f"<div>{badge(summary.state)}{_trouble(summary)}</div>",
        *(NOTHING if amount is None else usd(amount) for amount in amounts),
        f'<div class="name">{NOTHING if summary.budget is None else _budget(summary.budget)}</div>',
    )


def _trouble(summary: AccountSummary) -> str:
    return f" <small>{safe(', '.join(summary.in_trouble))}</small>" if summary.in_trouble else ""


def _budget(budget: BudgetStatus) -> str:
    over = ' class="bad"' if budget.used is not None and budget.used >= 1 else ""
    return f"<span{over}>{percent(budget.used or 0)}</span> of {isolated(budget.name)}"
