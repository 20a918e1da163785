"""The landing page and the pages of accounts: HTML without scripts and external resources, untrusted text escaped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

from exporter.status import CollectorStatus, Status
from exporter.web.collector_state import STATES, State, state_of
from exporter.web.overview import DailyTotals, account_names, account_summaries, budgets_of, sum_of, tops_of
from exporter.web.page.account_table import account_table
from exporter.web.page.budget_bars import budget_bars
from exporter.web.page.catalogue_section import catalogue_section, retirement_line
from exporter.web.page.chart import chart
from exporter.web.page.collector_card import NOTHING, OVERVIEW, badge, card, overview_cells
from exporter.web.page.formatting import count, isolated, safe, span, stamp, usd
from exporter.web.page.stacked_table import stacked_table, table_section
from exporter.web.page.style import STYLE
from exporter.web.page.top_tables import top_tables
from exporter.web.web_settings import WebSettings

MOST_CARDS = 24  # collectors beyond these have a row in the overview, but no card
MOST_MISTAKES = 10
FEWEST_ROWS = 4  # with fewer collectors, the overview would only repeat the cards

REFRESH = 30  # seconds
SHORTEST_REFRESH = 5
REPOSITORY = "https://github.com/openrouter-exporter/openrouter-exporter"

_REFRESH_AGAIN = f'not refreshed, <a href="?">refresh every {REFRESH} s</a>'
_RELEASE = re.compile(r"\d+\.\d+\.\d+")
_DOCUMENTATION = (
    ("overview", "README.md"),
    ("configuration", "docs/configuration.md"),
    ("metrics", "docs/metrics.md"),
    ("freshness", "docs/freshness.md"),
    ("runbooks", "docs/runbooks/README.md"),
)
_MARK = (
    '<svg viewBox="0 0 40 40" fill="currentColor" aria-hidden="true">'
    '<rect width="40" height="40" rx="10" opacity=".16"/>'
    '<rect x="9" y="21" width="5" height="10" rx="1.5" opacity=".6"/>'
    '<rect x="17.5" y="15" width="5" height="16" rx="1.5" opacity=".8"/>'
    '<rect x="26" y="9" width="5" height="22" rx="1.5"/></svg>'
)


def landing_page(status: Status, settings: WebSettings, refresh: int = REFRESH) -> str:
    """Return the landing page. Browsers reload it every `refresh` seconds, or never if that is 0."""
    accounts = account_names(status)
    first, last = retirement_line(status), catalogue_section(status)
    if len(accounts) <= 1:
        return _document(status, settings, first, _collectors(status, settings) + last, refresh)
    table = account_table(account_summaries(status), settings)
    return _document(status, settings, first + table, last, refresh)


def account_page(status: Status, account: str, settings: WebSettings, refresh: int = REFRESH) -> str | None:
    """Return the page of an account, or None if the account does not exist."""
    collectors = tuple(collector for collector in status.collectors if collector.account == account)
    if not collectors:
        return None
    of_account = replace(status, collectors=collectors)
    title = (
        f'<p class="back"><a href="{safe(settings.path("/"))}">All accounts</a></p><h2>Account {isolated(account)}</h2>'
    )
    collectors_ = _collectors(of_account, settings)
    return _document(of_account, settings, f"<section>{title}</section>", collectors_, refresh)


def _document(status: Status, settings: WebSettings, first: str, last: str, refresh: int) -> str:
    """Return a page about the collectors of a status: the common sections, between `first` and `last`."""
    states = [state_of(collector, status.now) for collector in status.collectors]
    spend = sum_of(collector.spend for collector in status.collectors)
    accounts = len(account_names(status))
    body = (
        _top(status, states)
        + f"<main>{_links(settings)}{_failed_reload(status)}{first}{_tiles(status, spend)}"
        + budget_bars(budgets_of(status.collectors), status.now, with_account=accounts > 1)
        + top_tables(tops_of(status.collectors), accounts)
        + '<section class="panel"><h2>Spend per UTC day, own provider keys included</h2>'
        + f"{chart(spend, _latest_day(status))}</section>"
        + f"{last}</main>{_footer(status, refresh)}"
    )
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex"><title>OpenRouter exporter</title>'
        f"{again}<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _top(status: Status, states: list[State]) -> str:
    up = (status.now - status.started).total_seconds()
    shard = f", shard index {status.shard_index} of {status.shard_total}" if status.shard_total > 1 else ""
    return (
        f'<header class="top">{_MARK}<div><h1>OpenRouter exporter</h1><p>Version {safe(status.version)}, '
        f'<span title="since {stamp(status.started)}">up {span(max(round(up), 0))}</span>{shard}</p></div>'
        f"{_overall(status, states)}</header>"
    )


def _overall(status: Status, states: list[State]) -> str:
    number = Counter(states)
    if status.reload_mistakes:
        badges = ['<span class="badge rejected">reload failed</span>']
    elif not states:
        return '<span class="badge">nothing to poll</span>'
    elif len(number) == 1:
        return badge(states[0], "" if len(states) == 1 else "all ")
    else:
        badges = []
    badges += [badge(state, f"{number[state]} ") for state in STATES if number[state]]
    return f'<p class="badges">{"".join(badges)}</p>'


def _failed_reload(status: Status) -> str:
    if not status.reload_mistakes:
        return ""
    mistakes = "".join(f"<li>{isolated(mistake)}</li>" for mistake in status.reload_mistakes[:MOST_MISTAKES])
    more = len(status.reload_mistakes) - MOST_MISTAKES
    rest = f"<p>{count(more, 'more mistake')} in the log.</p>" if more > 0 else ""
    return (
        '<section class="error rejected"><b>The configuration has mistakes.</b> What they affect is unchanged.'
        f"<ul>{mistakes}</ul>{rest}</section>"
    )


def _links(settings: WebSettings) -> str:
    routes = {
        "Metrics": settings.telemetry_path,
        "Status": "/-/status",
        "Health": "/-/healthy",
        "Readiness": "/-/ready",
        "Configuration": "/-/config",
    }
    links = "".join(f'<a href="{safe(settings.path(route))}">{name}</a>' for name, route in routes.items())
    return f'<nav aria-label="Pages">{links}</nav>'


def _tiles(status: Status, spend: DailyTotals) -> str:
    accounts = {collector.account for collector in status.collectors}
    latest = window = (NOTHING, "not known yet")
    # With a day and no amounts, there was no usage.
    known = [collector for collector in status.collectors if collector.spend or collector.day is not None]
    note = _share(accounts, {collector.account for collector in known}) + _quality(known, status.now)
    day = _latest_day(status)
    if spend.latest is not None:
        day, amount = spend.latest
        latest, window = (usd(amount), f"{day} (UTC){note}"), (usd(spend.total), f"from {spend.days[0][0]}{note}")
    elif day is not None:
        latest, window = (usd(0), f"{day} (UTC), no usage{note}"), (usd(0), f"no usage to {day}{note}")
    series = sum(collector.series for collector in status.collectors)
    tiles = [
        ("Latest complete day", *latest),
        ("Last 30 days", *window),
        *_figures(status, accounts),
        ("Series", f"{series:,}", "from the last successful polls"),
    ]
    if len(accounts) > 1:
        tiles.append(("Accounts", f"{len(accounts):,}", count(len(status.collectors), "collector")))
    shown = "".join(f'<div class="tile"><p>{name}</p><b>{value}</b><p>{note}</p></div>' for name, value, note in tiles)
    return f'<section class="tiles" aria-label="Summary">{shown}</section>'


def _latest_day(status: Status) -> date | None:
    return max((collector.day for collector in status.collectors if collector.day), default=None)


def _figures(status: Status, accounts: set[str]) -> list[tuple[str, str, str]]:
    """Return a tile for each kind of amount, summed over the accounts that have it."""
    amounts: dict[str, list[tuple[str, float]]] = {}
    for collector in status.collectors:
        for name, amount in collector.figures:
            amounts.setdefault(name, []).append((collector.account, amount))
    return [
        (name, usd(sum(amount for _, amount in known)), f"as of the last polls{_share(accounts, dict(known))}")
        for name, known in amounts.items()
    ]


def _share(accounts: set[str], known: Collection[str]) -> str:
    """Return a note for a total that lacks accounts, empty if it lacks none."""
    return "" if len(known) == len(accounts) else f", {len(known)} of {len(accounts)} accounts"


def _quality(collectors: Collection[CollectorStatus], now: datetime) -> str:
    """Return a note for a total of these collectors if it has expired values or lacks rejected rows."""
    expired = any(state_of(collector, now) == "stale" for collector in collectors)
    rejected = any(collector.rows_rejected for collector in collectors)
    return (", expired" if expired else "") + (", without rejected rows" if rejected else "")


def _collectors(status: Status, settings: WebSettings) -> str:
    if not status.collectors:
        nothing = "This shard has no account." if status.shard_total > 1 else "No account has an enabled collector."
        return f'<section><p class="empty">{nothing}</p></section>'
    several = len(status.collectors) > 1
    worst_first = sorted(status.collectors, key=lambda collector: STATES.index(state_of(collector, status.now)))
    shown = [card(collector, status.now, with_chart=several) for collector in worst_first[:MOST_CARDS]]
    more = ""
    if len(worst_first) > MOST_CARDS:
        more = (
            f'<p class="empty">The first {MOST_CARDS} of {len(worst_first)}, the worst first. The '
            f'<a href="{safe(settings.path("/-/status"))}">status</a> has the details of all.</p>'
        )
    kind = "cards" if several else "cards one"
    cards = f'<section><h2>Collectors</h2><div class="{kind}">{"".join(shown)}</div>{more}</section>'
    return _overview(worst_first, status.now) + cards


def _overview(collectors: list[CollectorStatus], now: datetime) -> str:
    if len(collectors) < FEWEST_ROWS:
        return ""
    rows = (overview_cells(collector, now) for collector in collectors)
    return table_section("Overview", stacked_table(OVERVIEW, rows, ("Series", "30 days")))


def _footer(status: Status, refresh: int) -> str:
    version = f"v{status.version}" if _RELEASE.fullmatch(status.version) else "main"
    pages = ", ".join(
        f'<a href="{REPOSITORY}/blob/{version}/{path}" rel="noreferrer">{name}</a>' for name, path in _DOCUMENTATION
    )
    again = f'refreshed every {span(refresh)}, <a href="?refresh=0">stop</a>' if refresh else _REFRESH_AGAIN
    return (
        f"<footer><p>As of {stamp(status.now)}, {again}. Values change by polling; a scrape never calls the API.</p>"
        f"<p>Documentation: {pages}.</p></footer>"
    )
