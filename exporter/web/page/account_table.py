"""The accounts on the landing page: one row each, those in trouble first."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from exporter.status import BudgetStatus
from exporter.web.overview import AccountSummary
from exporter.web.page.budget_bars import percent
from exporter.web.page.collector_card import NOTHING, badge
from exporter.web.page.formatting import isolated, safe, usd
from exporter.web.web_settings import WebSettings

ACCOUNTS = "/accounts/"
AMOUNTS = ("Latest day", "30 days", "Today", "Credit left")
AMOUNT = ' class="n"'


def account_path(account: str, settings: WebSettings) -> str:
    """Return the path of an account's page."""
    return settings.path(ACCOUNTS + quote(account, safe=""))


def account_table(summaries: Sequence[AccountSummary], settings: WebSettings) -> str:
    """Return the section."""
    head = "".join(
        f'<th scope="col"{AMOUNT if name in AMOUNTS else ""}>{name}</th>'
        for name in ("Account", "State", *AMOUNTS, "Budget")
    )
    rows = "".join(_row(summary, settings) for summary in summaries)
    return (
        '<section class="panel"><h2 id="accounts">Accounts</h2><div class="scroll tall" role="region" tabindex="0" '
        f'aria-labelledby="accounts"><table class="wide stack"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(summary: AccountSummary, settings: WebSettings) -> str:
    latest = None if summary.latest_day is None else summary.latest_day.usd
    known = (latest, summary.thirty_days, summary.today, summary.credit)
    amounts = "".join(
        f'<td{AMOUNT} data-name="{name}">{NOTHING if amount is None else usd(amount)}</td>'
        for name, amount in zip(AMOUNTS, known, strict=True)
    )
    link = f'<a href="{safe(account_path(summary.account, settings))}">{isolated(summary.account)}</a>'
    state = badge(summary.state) + _trouble(summary)
    budget = NOTHING if summary.budget is None else _budget(summary.budget)
    return (
        f'<tr><th scope="row">{link}</th><td data-name="State"><div>{state}</div></td>{amounts}'
        f'<td class="name" data-name="Budget"><div>{budget}</div></td></tr>'
    )


def _trouble(summary: AccountSummary) -> str:
    return f" <small>{safe(', '.join(summary.in_trouble))}</small>" if summary.in_trouble else ""


def _budget(budget: BudgetStatus) -> str:
    over = ' class="bad"' if budget.used is not None and budget.used >= 1 else ""
    return f"<span{over}>{percent(budget.used or 0)}</span> of {isolated(budget.name)}"
