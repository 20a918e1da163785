"""The models and keys that spent most, as tables with a bar for each share."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.web.overview import TopList, TopRow
from exporter.web.page.formatting import isolated, usd


def top_tables(lists: Sequence[TopList], accounts: int) -> str:
    """Return the section, or nothing without lists. With several accounts, each row names its account."""
    if not lists:
        return ""
    tables = "".join(_table(top_list, accounts) for top_list in lists)
    return f'<section class="tops" aria-label="Largest spenders">{tables}</section>'


def total_of(top_list: TopList, accounts: int) -> str:
    """Return what the shares of a list refer to."""
    if top_list.total_usd is None:
        return "total unknown"
    some = "" if len(top_list.accounts) == accounts else f", {len(top_list.accounts)} of {accounts} accounts"
    rejected = ", without rejected rows" if top_list.lacks_rows else ""
    return f"of {usd(top_list.total_usd)}{some}{rejected}"


def share(row: TopRow) -> str:
    """Return a row's share of the total in percent."""
    return "" if row.share is None else f"{row.share:.0%}".replace("%", " %")


def _table(top_list: TopList, accounts: int) -> str:
    title = f'<div class="split"><h2>{top_list.title}</h2><p class="note">{total_of(top_list, accounts)}</p></div>'
    if not top_list.rows:
        reason = "No spend." if top_list.total_usd is not None else "Not known yet."
        return f'<div class="panel">{title}<p class="empty">{reason}</p></div>'
    rows = "".join(_row(row, with_account=accounts > 1) for row in top_list.rows)
    return f'<div class="panel">{title}<table class="wide"><tbody>{rows}</tbody></table></div>'


def _row(row: TopRow, *, with_account: bool) -> str:
    account = f"<small>{isolated(row.account)}</small>" if with_account else ""
    bar = ""
    if row.share is not None:
        bar = f'<div class="meter" aria-hidden="true"><i style="width:{min(row.share, 1) * 100:.1f}%"></i></div>'
    return (
        f'<tr><th scope="row">{isolated(row.name) if row.name else "unnamed"}{account}{bar}</th>'
        f'<td class="n">{usd(row.usd)}</td><td class="n">{share(row)}</td></tr>'
    )
