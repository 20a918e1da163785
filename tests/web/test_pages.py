"""The landing page: the state of collectors, and harmless display of untrusted text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from exporter.status import PartFailure, QueryStatus
from exporter.web.page.landing import MOST_CARDS
from exporter.web.web_settings import WebSettings
from tests.support import NOON
from tests.web.fakes import FakeDaemon
from tests.web.outline import Outline, page_of, read
from tests.web.samples import collector, failing, incomplete, retrying, status, waiting


def test_heading_has_name_version_and_uptime() -> None:
    assert "OpenRouter exporter Version 1.2.3, up 2 d 3 h healthy" in read(page_of(status(collector())))


def test_links_follow_route_prefix_and_telemetry_path() -> None:
    """They must work behind a reverse proxy that adds a prefix."""
    page = page_of(status(), WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    links = re.findall(r'href="(/[^"]*)"', page)
    assert links == [f"/openrouter{path}" for path in ("/usage", "/-/status", "/-/healthy", "/-/ready", "/-/config")]


def test_card_shows_polls_day_series_and_expiry() -> None:
    text = read(page_of(status(collector())))
    assert "Last poll 1 min ago , no new data in 1.2 s" in text
    assert "Next poll in 14 min" in text
    assert "Latest day 2026-08-22 (UTC)" in text
    assert "Series 42" in text
    assert "Values expire in 23 h" in text


def test_relative_time_has_the_exact_time_in_its_title() -> None:
    assert 'title="2026-08-23 11:59:00 UTC">1 min ago</time>' in page_of(status(collector()))


def test_failed_poll_shows_its_error_and_the_last_success() -> None:
    text = read(page_of(status(failing())))
    assert "failing 5xx 503: no upstream" in text
    assert "1 of 2 failed" in text
    assert "Last success 1 min ago" in text


def test_card_shows_figures() -> None:
    """They are amounts such as the credit left, and may be negative."""
    text = read(page_of(status(collector(figures=(("Credit left", 1234.5),)))))
    assert "Credit left $1,234.50" in text
    assert "Credit left \N{MINUS SIGN}$2.50" in read(page_of(status(collector(figures=(("Credit left", -2.5),)))))


def test_card_shows_advice() -> None:
    """An example is how to correct a wrong key."""
    assert "use a management key" in read(page_of(status(failing(advice="use a management key"))))


def test_failing_collector_without_series_is_stale() -> None:
    """Polls failed for so long that its series expired."""
    assert "stale" in read(page_of(status(failing(expires=None, series=0))))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onload="alert(1)', "'><img src=x>", "</style>"])
def test_untrusted_text_is_escaped(hostile: str) -> None:
    """Names of accounts and collectors and errors are shown as text."""
    shown = status(*[failing(hostile, hostile, collector=hostile) for _ in range(5)])
    page = page_of(shown)
    outline = Outline()
    outline.feed(page)
    assert not outline.tags & {"script", "img"}
    assert hostile in outline.text


def test_control_and_direction_characters_are_replaced() -> None:
    """They must not change the direction of the page. Long text is shortened."""
    page = page_of(status(failing("a\u202eb\x07", "x" * 10_000)))
    assert "a\ufffdb\ufffd" in page
    assert "x" * 601 not in page


def test_page_has_no_script_and_no_external_resource() -> None:
    """The page is one document; only links, which send no referrer, leave it."""
    page = re.sub(r'<a href="https://[^"]*" rel="noreferrer">', "", page_of(status(collector(), failing())))
    assert not re.search(r"<(script|link|img|iframe|object)|https?://|url\(|@import| on\w+=", page)


def test_collectors_are_ordered_by_state_with_the_worst_first() -> None:
    one, two, three = collector(collector="keys"), waiting(), failing(collector="today")
    assert re.findall(r"<small>(\w+)</small></h3>", page_of(status(one, two, three))) == ["today", "activity", "keys"]


def test_heading_counts_collectors_by_state() -> None:
    text = read(page_of(status(collector("a"), collector("b"), failing("c"))))
    assert "1 failing 2 healthy" in text


def test_five_hundred_accounts_have_a_row_each() -> None:
    """Their collectors are on the pages of the accounts."""
    page = page_of(status(*[collector(f"team-{number}") for number in range(500)]))
    assert page.count('<th scope="row">') == 500
    assert page.count("<article") == 0
    assert len(page) < 300_000


def test_account_with_many_collectors_has_few_cards() -> None:
    """A table lists all of them, with a link to the status."""
    page = page_of(status(*[collector(collector=f"collector-{number}") for number in range(100)]))
    assert page.count('<th scope="row">') == 100
    assert page.count("<article") == MOST_CARDS
    assert f"The first {MOST_CARDS} of 100" in read(page)


def test_page_without_collectors_shows_that_none_is_enabled() -> None:
    assert "No account has an enabled collector." in read(page_of(status()))


def test_rejected_rows_are_shown() -> None:
    """Totals lack them, so the collector is not healthy and the totals are marked."""
    text = read(page_of(status(incomplete(rows_rejected=1200))))
    assert "incomplete" in text
    assert "healthy" not in text
    assert "1,200 rows rejected in the last poll: totals lack them." in text
    assert "Last 30 days $7.50 from 2026-08-20, without rejected rows" in text


def test_failed_part_of_a_poll_is_shown() -> None:
    """An example is one budget that cannot be read."""
    text = read(page_of(status(collector(failures=(PartFailure("budget team-a", "HTTP 500"),)))))
    assert "incomplete" in text
    assert "budget team-a HTTP 500" in text


def test_card_shows_state_rows_and_expiry_of_analytics_queries() -> None:
    good = QueryStatus(name="good", rows=1200, last_success=NOON, expires=NOON + timedelta(minutes=30))
    bad = QueryStatus(name="bad", rows=7, last_success=NOON, expires=NOON - timedelta(seconds=1), error="HTTP 400")
    text = read(page_of(status(collector(queries=(good, bad)))))
    assert "2 queries, 1 failed" in text
    assert "good healthy 1,200 now in 30 min" in text
    assert "bad failing \N{EM DASH} now \N{EM DASH}" in text


def test_failed_reload_is_shown_with_its_mistakes() -> None:
    """The page must not show `all healthy` then."""
    mistakes = tuple(f"config.yaml:{line}:1: unknown key <b>" for line in range(1, 13))
    text = read(page_of(status(collector("a"), collector("b"), reload_mistakes=mistakes)))
    assert "reload failed 2 healthy" in text
    assert "all healthy" not in text
    assert "The configuration has mistakes. What they affect is unchanged. config.yaml:1:1: unknown key <b>" in text
    assert "2 more mistakes in the log." in text


def test_page_is_all_healthy_only_if_nothing_is_wrong() -> None:
    """Rejected rows, expired values, retries and a failed reload are wrong."""
    assert "all healthy" in read(page_of(status(collector("a"), collector("b"))))
    for other in (incomplete("b"), collector("b", expired=True), retrying("b"), failing("b")):
        assert "all healthy" not in read(page_of(status(collector("a"), other)))


def test_retry_in_progress_shows_attempt_time_and_last_error() -> None:
    text = read(page_of(status(retrying())))
    assert "retrying activity: attempt 7 in 30 s . Last error: 429 HTTP 429: slow down" in text
    assert "healthy" not in text


def test_retry_of_the_first_poll_shows_the_last_error() -> None:
    """A start without network must not just show `waiting`."""
    text = read(page_of(status(retrying(polls=(), spend=(), day=None, last_success=None))))
    assert "Last error: 429 HTTP 429: slow down" in text


def test_stale_is_red_and_failing_is_amber() -> None:
    """Missing values are worse than values that will be missing."""
    page = page_of(status())
    assert re.search(r"\.badge\.stale[^{]*{color:var\(--bad\)", page)
    assert re.search(r"\.badge\.failing[^{]*{color:var\(--warn\)", page)


async def test_landing_page_is_served_for_few_and_for_many_accounts(
    client: aiohttp.ClientSession, daemon: FakeDaemon
) -> None:
    for number in (1, 30):
        daemon.collectors = tuple(collector(f"team-{index}") for index in range(number))
        async with client.get("/") as response:
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert f"team-{number - 1}" in await response.text()


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("", 30), ("?refresh=120", 120), ("?refresh=1", 5), ("?refresh=soon", 30), ("?refresh=-1", 30)],
)
async def test_page_refreshes_itself_at_the_requested_interval(
    query: str, seconds: int, client: aiohttp.ClientSession
) -> None:
    """It needs no script, and the interval has a minimum."""
    async with client.get(f"/{query}") as response:
        page = await response.text()
    assert f'<meta http-equiv="refresh" content="{seconds}">' in page
    words = "2 min" if seconds == 120 else f"{seconds} s"
    assert f"As of 2026-08-23 12:00:00 UTC, refreshed every {words}, stop ." in read(page)


async def test_refresh_of_0_turns_refreshing_off(client: aiohttp.ClientSession) -> None:
    """The footer links to the page that refreshes."""
    async with client.get("/?refresh=0") as response:
        page = await response.text()
    assert "http-equiv" not in page
    assert "not refreshed, refresh every 30 s ." in read(page)


@pytest.mark.parametrize(("version", "branch"), [("1.2.3", "v1.2.3"), ("1.2.3.dev1", "main")])
def test_page_links_to_the_documentation_of_its_version(version: str, branch: str) -> None:
    """A development version links to the main branch."""
    page = page_of(replace(status(collector()), version=version))
    assert f"/blob/{branch}/docs/configuration.md" in page
