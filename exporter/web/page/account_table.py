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


def account_path(account: str, settings: WebSettings) -> str:
    """Return the path of an account's page."""
    return settings.path(ACCOUNTS + quote(account, safe=""))


def account_table(summaries: Sequence[AccountSummary], settings: WebSettings) -> str:
    """Return the section."""
    rows = "".join(_row(summary, settings) for summary in summaries)
    amounts = "".join(
        f'<th scope="col" class="n">{name}</th>' for name in ("Latest day", "30 days", "Today", "Credit left")
    )
    return (
        '<section class="panel"><h2 id="accounts">Accounts</h2><div class="scroll tall" role="region" tabindex="0" '
        'aria-labelledby="accounts"><table class="wide"><thead><tr><th scope="col">Account</th>'
        f'<th scope="col">State</th>{amounts}<th scope="col">Budget</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(summary: AccountSummary, settings: WebSettings) -> str:
    latest = None if summary.latest_day is None else summary.latest_day.usd
    amounts = "".join(
        f'<td class="n">{NOTHING if amount is None else usd(amount)}</td>'
        for amount in (latest, summary.thirty_days, summary.today, summary.credit)
    )
    link = f'<a href="{safe(account_path(summary.account, settings))}">{isolated(summary.account)}</a>'
    return (
        f'<tr><th scope="row">{link}</th><td>{badge(summary.state)}{_trouble(summary)}</td>{amounts}'
        f'<td class="name">{NOTHING if summary.budget is None else _budget(summary.budget)}</td></tr>'
    )


def _trouble(summary: AccountSummary) -> str:
    return f" <small>{safe(', '.join(summary.in_trouble))}</small>" if summary.in_trouble else ""


def _budget(budget: BudgetStatus) -> str:
    over = ' class="bad"' if budget.used is not None and budget.used >= 1 else ""
    return f"<span{over}>{percent(budget.used or 0)}</span> of {isolated(budget.name)}"
