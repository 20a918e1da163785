"""The landing page: its content, and that untrusted text in it is harmless."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import aiohttp
import pytest

from exporter.status import PartFailure, QueryStatus, Status
from exporter.web.page.landing import MOST_CARDS, landing_page
from exporter.web.web_settings import WebSettings
from tests.support import NOON
from tests.web.fakes import FakeDaemon
from tests.web.samples import collector, failing, incomplete, retrying, spend, status, waiting

VOID = {"meta", "rect"}  # rect is written self-closing


class Outline(HTMLParser):
    """Collects the visible text and the tags of a page; fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += f"{data} "


def read(page: str) -> str:
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert outline.open == []
    return re.sub(r"\s+", " ", outline.text)


def page_of(shown: Status, settings: WebSettings | None = None) -> str:
    return landing_page(shown, settings or WebSettings())


def test_name_version_and_up_time() -> None:
    """The heading names the program, its version and its uptime."""
    assert "OpenRouter exporter Version 1.2.3, up 2 d 3 h healthy" in read(page_of(status(collector())))


def test_links_follow_prefix_and_path() -> None:
    """Links work behind a reverse proxy that adds a prefix."""
    page = page_of(status(), WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    places = re.findall(r'href="(/[^"]*)"', page)
    assert places == [f"/openrouter{each}" for each in ("/usage", "/-/status", "/-/healthy", "/-/ready", "/-/config")]


def test_card_shows_polls_day_series_and_expiry() -> None:
    """Last and next poll, the latest day, the number of series, and when the values expire."""
    text = read(page_of(status(collector())))
    assert "Last poll 1 min ago , no new data in 1.2 s" in text
    assert "Next poll in 14 min" in text
    assert "Latest day 2026-08-22 (UTC)" in text
    assert "Series 42" in text
    assert "Values expire in 23 h" in text


def test_relative_time_has_the_exact_time_in_its_title() -> None:
    """Hovering `1 min ago` shows the date and time."""
    assert 'title="2026-08-23 11:59:00 UTC">1 min ago</time>' in page_of(status(collector()))


def test_failed_poll_shows_its_error() -> None:
    """The status class, the error, the number of failures and the last success."""
    text = read(page_of(status(failing())))
    assert "failing 5xx 503: no upstream" in text
    assert "1 of 2 failed" in text
    assert "Last success 1 min ago" in text


def test_figures_are_shown() -> None:
    """Amounts such as the credit left, which can be negative."""
    text = read(page_of(status(collector(figures=(("Credit left", 1234.5),)))))
    assert "Credit left $1,234.50" in text
    assert "Credit left -$2.50" in read(page_of(status(collector(figures=(("Credit left", -2.5),)))))


def test_advice_is_shown() -> None:
    """The page says how to correct a wrong key."""
    assert "use a management key" in read(page_of(status(failing(advice="use a management key"))))


def test_failing_without_series_is_stale() -> None:
    """Polls failed for so long that the series vanished."""
    assert "stale" in read(page_of(status(failing(expires=None, series=0))))


def test_before_the_first_poll_no_amount_is_shown() -> None:
    """The page shows `waiting` instead of a spend of zero."""
    text = read(page_of(status(waiting())))
    assert "waiting" in text
    assert "The first poll has not ended yet." in text
    assert "No spend yet" in text
    assert "$" not in text


def test_spend_is_totalled_over_accounts() -> None:
    """The latest day and the last 30 days, summed over all accounts."""
    text = read(page_of(status(collector("a"), collector("b"))))
    assert "Latest complete day $9.00 2026-08-22 (UTC)" in text
    assert "Last 30 days $15.00 from 2026-08-20" in text


def test_total_counts_the_accounts_it_includes() -> None:
    """An account that fails from the start would otherwise look as if it spent nothing."""
    text = read(page_of(status(collector("a"), waiting("b"))))
    assert "Latest complete day $4.50 2026-08-22 (UTC), 1 of 2 accounts" in text
    assert "Last 30 days $7.50 from 2026-08-20, 1 of 2 accounts" in text


def test_figures_are_totalled_over_accounts() -> None:
    """The sum, and the number of accounts in it where some lack the amount."""
    left = collector("a", figures=(("Credit left", 5.0),)), collector("b", figures=(("Credit left", 2.5),))
    assert "Credit left $7.50 as of the last polls Series" in read(page_of(status(*left)))
    assert "Credit left $7.50 as of the last polls, 2 of 3 accounts" in read(page_of(status(*left, waiting("c"))))


def test_bar_has_its_day_and_amount() -> None:
    """Hovering a bar shows them; the axes show the first and last day and the highest amount."""
    page = page_of(status(collector()))
    assert re.findall(r"<title>(20.*?)</title>", page) == [
        "2026-08-20: $1.00",
        "2026-08-21: $2.00",
        "2026-08-22: $4.50",
    ]
    assert "$4.50 $2.25 $0 2026-08-20: " in read(page)


def test_unknown_day_is_a_gap_in_the_chart() -> None:
    """A day without data has no bar, not even one of zero."""
    days = (*spend(1.0, last=NOON.date() - timedelta(days=4)), *spend(2.0))
    page = page_of(status(collector(spend=days)))
    assert re.findall(r'class="hit" x="(\d+)"', page) == ["0", "30"]


def test_nan_is_neither_drawn_nor_summed() -> None:
    """NaN is an unknown amount."""
    page = page_of(status(collector(spend=spend(float("nan"), 2.0))))
    assert "Last 30 days $2.00 from 2026-08-22" in read(page)
    assert "nan" not in page


def test_thirty_days_without_spend_have_no_chart() -> None:
    """A sentence replaces bars of zero."""
    page = page_of(status(collector(spend=spend(*[0.0] * 30))))
    assert "No spend from 2026-07-24 to 2026-08-22." in read(page)
    assert 'class="bars' not in page


def test_only_the_last_thirty_days_count() -> None:
    """Older days are not part of the total."""
    assert "Last 30 days $30.00 from 2026-07-24" in read(page_of(status(collector(spend=spend(*[1.0] * 40)))))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onload="alert(1)', "'><img src=x>", "</style>"])
def test_untrusted_text_is_escaped(hostile: str) -> None:
    """The names of accounts and collectors and errors are shown as text."""
    shown = status(*[failing(hostile, hostile, collector=hostile) for _ in range(5)])
    page = page_of(shown)
    outline = Outline()
    outline.feed(page)
    assert not outline.tags & {"script", "img"}
    assert hostile in outline.text


def test_control_and_direction_characters_are_replaced() -> None:
    """They cannot change the direction of the page; long text is shortened."""
    page = page_of(status(failing("a\u202eb\x07", "x" * 10_000)))
    assert "a\ufffdb\ufffd" in page
    assert "x" * 601 not in page


def test_page_has_no_script_and_no_external_resource() -> None:
    """The page is one document; only links, which send no referrer, leave it."""
    page = re.sub(r'<a href="https://[^"]*" rel="noreferrer">', "", page_of(status(collector(), failing())))
    assert not re.search(r"<(script|link|img|iframe|object)|https?://|url\(|@import| on\w+=", page)


def test_worst_state_comes_first() -> None:
    """Collectors that need attention are on top."""
    one, two, three = collector(collector="keys"), waiting(), failing(collector="today")
    assert re.findall(r"<small>(\w+)</small></h3>", page_of(status(one, two, three))) == ["today", "activity", "keys"]


def test_states_are_counted() -> None:
    """The heading counts the collectors in each state."""
    text = read(page_of(status(collector("a"), collector("b"), failing("c"))))
    assert "1 failing 2 healthy" in text


def test_five_hundred_accounts_have_a_row_each() -> None:
    """Their collectors are on pages of their own."""
    page = page_of(status(*[collector(f"team-{number}") for number in range(500)]))
    assert page.count('<th scope="row">') == 500
    assert page.count("<article") == 0
    assert len(page) < 300_000


def test_account_with_many_collectors_has_few_cards() -> None:
    """The overview lists all, with a link to the status."""
    page = page_of(status(*[collector(collector=f"collector-{number}") for number in range(100)]))
    assert page.count('<th scope="row">') == 100
    assert page.count("<article") == MOST_CARDS
    assert f"The first {MOST_CARDS} of 100" in read(page)


def test_page_without_collectors() -> None:
    """It says that no collector is enabled."""
    assert "No account has an enabled collector." in read(page_of(status()))


def test_rejected_rows_are_shown() -> None:
    """Totals lack them, so the collector is not healthy and the tiles say so."""
    text = read(page_of(status(incomplete(rows_rejected=1200))))
    assert "incomplete" in text
    assert "healthy" not in text
    assert "1,200 rows rejected in the last poll: totals lack them." in text
    assert "Last 30 days $7.50 from 2026-08-20, without rejected rows" in text


def test_part_that_failed_is_shown() -> None:
    """One budget that cannot be read is named with its error, while the others are shown."""
    text = read(page_of(status(collector(failures=(PartFailure("budget team-a", "HTTP 500"),)))))
    assert "incomplete" in text
    assert "budget team-a HTTP 500" in text


def test_analytics_queries_are_shown() -> None:
    """Each with its state, its rows, and when its values vanish."""
    good = QueryStatus(name="good", rows=1200, last_success=NOON, expires=NOON + timedelta(minutes=30))
    bad = QueryStatus(name="bad", rows=7, last_success=NOON, expires=NOON - timedelta(seconds=1), error="HTTP 400")
    text = read(page_of(status(collector(queries=(good, bad)))))
    assert "2 queries, 1 failed" in text
    assert "good healthy 1,200 now in 30 min" in text
    assert "bad failing \N{EM DASH} now \N{EM DASH}" in text


def test_expired_values_are_marked() -> None:
    """A total of expired values says so, though the last poll succeeded."""
    text = read(page_of(status(collector("a", expired=True), collector("b"))))
    assert "1 stale 1 healthy" in text
    assert "Last 30 days $15.00 from 2026-08-20, expired" in text


def test_failed_reload_is_shown() -> None:
    """With its mistakes, and never beside `all healthy`."""
    mistakes = tuple(f"config.yaml:{line}:1: unknown key <b>" for line in range(1, 13))
    text = read(page_of(status(collector("a"), collector("b"), reload_mistakes=mistakes)))
    assert "reload failed 2 healthy" in text
    assert "all healthy" not in text
    assert "The configuration has mistakes. What they affect is unchanged. config.yaml:1:1: unknown key <b>" in text
    assert "2 more mistakes in the log." in text


def test_healthy_means_nothing_is_wrong() -> None:
    """Only without rejected rows, expired values, retries and a failed reload."""
    assert "all healthy" in read(page_of(status(collector("a"), collector("b"))))
    for other in (incomplete("b"), collector("b", expired=True), retrying("b"), failing("b")):
        assert "all healthy" not in read(page_of(status(collector("a"), other)))


def test_retry_in_progress_is_shown() -> None:
    """The number of the next attempt, when it is due, and the last error."""
    text = read(page_of(status(retrying())))
    assert "retrying activity: attempt 7 in 30 s . Last error: 429 HTTP 429: slow down" in text
    assert "healthy" not in text


def test_first_poll_that_is_retried_shows_why_it_waits() -> None:
    """A first start without network is not just `waiting`."""
    text = read(page_of(status(retrying(polls=(), spend=(), day=None, last_success=None))))
    assert "Last error: 429 HTTP 429: slow down" in text


def test_account_without_usage_is_not_unknown() -> None:
    """The API returned no rows for 30 days: that is a spend of zero, not a missing value."""
    text = read(page_of(status(collector(spend=()))))
    assert "Latest complete day $0.00 2026-08-22 (UTC), no usage" in text
    assert "No usage in the 30 days to 2026-08-22." in text
    assert "not known yet" not in text


def test_account_without_usage_has_zero_in_the_overview() -> None:
    """Unlike an account that was not polled yet."""
    text = read(page_of(status(collector("idle", spend=()), waiting("new"))))
    assert "new waiting activity — — — — —" in text
    assert "idle healthy $0.00 $0.00 — — —" in text


def test_collector_without_usage_has_zero_in_the_overview() -> None:
    """Unlike one that was not polled yet."""
    collectors = [collector(collector=f"idle-{number}", spend=()) for number in range(4)]
    page = page_of(status(*collectors, waiting()))
    assert re.findall(r'data-name="30 days">([^<]*)</td></tr>', page) == ["\N{EM DASH}", *["$0.00"] * 4]


def test_account_without_usage_is_part_of_the_total() -> None:
    """Its zero is known; that of an account that was not polled yet is not."""
    assert "$7.50 from 2026-08-20 $" not in read(page_of(status(collector("a"), collector("b", spend=()))))
    text = read(page_of(status(collector("a"), collector("b", spend=()), waiting("c"))))
    assert "Last 30 days $7.50 from 2026-08-20, 2 of 3 accounts" in text


def test_stale_is_red_and_failing_is_amber() -> None:
    """Missing values are worse than values that will be missing."""
    page = page_of(status())
    assert re.search(r"\.badge\.stale[^{]*{color:var\(--bad\)", page)
    assert re.search(r"\.badge\.failing[^{]*{color:var\(--warn\)", page)


def test_refund_lowers_the_total() -> None:
    """Negative money is a correction, not an unknown amount."""
    page = page_of(status(collector(spend=spend(5.0, -2.0))))
    assert "Last 30 days $3.00" in read(page)
    assert "2026-08-22: -$2.00" in page


async def test_page_is_served(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """`/` returns the page, for few accounts and for many."""
    for number in (1, 30):
        daemon.collectors = tuple(collector(f"team-{index}") for index in range(number))
        async with client.get("/") as response:
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert f"team-{number - 1}" in await response.text()


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("", 30), ("?refresh=120", 120), ("?refresh=1", 5), ("?refresh=soon", 30), ("?refresh=-1", 30)],
)
async def test_page_is_refreshed(query: str, seconds: int, client: aiohttp.ClientSession) -> None:
    """Without a script; the footer has the time that is shown and the interval, which has a lower bound."""
    async with client.get(f"/{query}") as response:
        page = await response.text()
    assert f'<meta http-equiv="refresh" content="{seconds}">' in page
    words = "2 min" if seconds == 120 else f"{seconds} s"
    assert f"As of 2026-08-23 12:00:00 UTC, refreshed every {words}, stop ." in read(page)


async def test_refresh_of_0_turns_refreshing_off(client: aiohttp.ClientSession) -> None:
    """The footer says how to go back."""
    async with client.get("/?refresh=0") as response:
        page = await response.text()
    assert "http-equiv" not in page
    assert "not refreshed, refresh every 30 s ." in read(page)


@pytest.mark.parametrize(("version", "branch"), [("1.2.3", "v1.2.3"), ("1.2.3.dev1", "main")])
def test_documentation_is_that_of_the_version(version: str, branch: str) -> None:
    """A development version links to the main branch."""
    page = page_of(replace(status(collector()), version=version))
    assert f"/blob/{branch}/docs/configuration.md" in page
