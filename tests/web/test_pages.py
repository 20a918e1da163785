"""The landing page: what it says, and that nothing in it can do harm."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import aiohttp
import pytest

from exporter.status import Status
from exporter.web.page.landing import MOST_CARDS, landing_page
from exporter.web.web_settings import WebSettings
from tests.web.fakes import NOW, FakeDaemon
from tests.web.samples import collector, failing, spend, status, waiting

VOID = {"meta", "rect"}  # rect is written self-closing


class Outline(HTMLParser):
    """Fails on tags that don't nest; keeps the text that is read, and the tags that occur."""

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
    """Which program this is, and since when it runs."""
    assert "OpenRouter exporter Version 1.2.3, up 2 d 3 h healthy" in read(page_of(status(collector())))


def test_links_follow_prefix_and_path() -> None:
    """Behind a proxy's prefix the links still lead somewhere."""
    page = page_of(status(), WebSettings(telemetry_path="/usage", route_prefix="/openrouter"))
    places = re.findall(r'href="([^"]*)"', page)
    assert places == [f"/openrouter{each}" for each in ("/usage", "/-/status", "/-/healthy", "/-/ready", "/-/config")]


def test_what_happened_and_what_comes() -> None:
    """Last poll, next poll, the day described, series and expiry."""
    text = read(page_of(status(collector())))
    assert "Last poll 1 min ago , nothing new in 1.2 s" in text
    assert "Next poll in 14 min" in text
    assert "Describes 2026-08-22 (UTC)" in text
    assert "Series 42" in text
    assert "Values expire in 23 h" in text


def test_times_are_told_in_full_on_demand() -> None:
    """What is said relative to now has the instant itself in its title."""
    assert 'title="2026-08-23 11:59:00 UTC">1 min ago</time>' in page_of(status(collector()))


def test_a_failure_is_told_with_its_reason() -> None:
    """The error, its class, and when it last went well."""
    text = read(page_of(status(failing())))
    assert "failing 5xx 503: no upstream" in text
    assert "1 of 2 failed" in text
    assert "Last success 1 min ago" in text


def test_figures_are_shown() -> None:
    """What a collector knows at a glance, such as the credit that is left; more may be owed than was paid."""
    text = read(page_of(status(collector(figures=(("Credit left", 1234.5),)))))
    assert "Credit left $1,234.50" in text
    assert "Credit left -$2.50" in read(page_of(status(collector(figures=(("Credit left", -2.5),)))))


def test_advice_is_shown() -> None:
    """Where the daemon knows what is wrong with a key, the page says what to do."""
    assert "use a management key" in read(page_of(status(failing(advice="use a management key"))))


def test_values_that_are_gone_are_told_apart_from_values_that_last() -> None:
    """Failing for so long that the series vanished is `stale`."""
    assert "stale" in read(page_of(status(failing(expires=None, series=0))))


def test_before_the_first_poll_nothing_is_claimed() -> None:
    """No zero spend, no success: the page says that it waits."""
    text = read(page_of(status(waiting())))
    assert "waiting" in text
    assert "No poll has ended yet." in text
    assert "No spend to show yet" in text
    assert "$" not in text


def test_spend_is_totalled_over_accounts() -> None:
    """The latest day and the window, of all accounts together."""
    text = read(page_of(status(collector("a"), collector("b"))))
    assert "Latest complete day $9.00 2026-08-22 (UTC)" in text
    assert "Last 30 days $15.00 from 2026-08-20" in text


def test_a_total_says_which_accounts_it_lacks() -> None:
    """One that fails from the start would otherwise look as if it spent nothing."""
    text = read(page_of(status(collector("a"), waiting("b"))))
    assert "Latest complete day $4.50 2026-08-22 (UTC), 1 of 2 accounts" in text
    assert "Last 30 days $7.50 from 2026-08-20, 1 of 2 accounts" in text


def test_figures_are_totalled_over_accounts() -> None:
    """How much is left in all, and in how many of the accounts."""
    left = collector("a", figures=(("Credit left", 5.0),)), collector("b", figures=(("Credit left", 2.5),))
    assert "Credit left $7.50 as of the last polls Series" in read(page_of(status(*left)))
    assert "Credit left $7.50 as of the last polls, 2 of 3 accounts" in read(page_of(status(*left, waiting("c"))))


def test_each_bar_says_its_day_and_amount() -> None:
    """Hovering a bar gives date and USD; the axes give the first and last day and the highest amount."""
    page = page_of(status(collector()))
    assert re.findall(r"<title>(20.*?)</title>", page) == [
        "2026-08-20: $1.00",
        "2026-08-21: $2.00",
        "2026-08-22: $4.50",
    ]
    assert "$4.50 $2.25 $0 2026-08-20: " in read(page)


def test_a_day_that_is_not_known_is_a_gap() -> None:
    """Bars stand where their days are; a day without data gets none, and no zero either."""
    days = (*spend(1.0, last=NOW.date() - timedelta(days=4)), *spend(2.0))
    page = page_of(status(collector(spend=days)))
    assert re.findall(r'class="hit" x="(\d+)"', page) == ["0", "30"]


def test_amounts_that_are_none_are_not_drawn() -> None:
    """NaN is not known; it is no bar, and no part of a total."""
    page = page_of(status(collector(spend=spend(float("nan"), 2.0))))
    assert "Last 30 days $2.00 from 2026-08-22" in read(page)
    assert "nan" not in page


def test_no_spend_is_no_chart() -> None:
    """Thirty known days of nothing are told in words."""
    page = page_of(status(collector(spend=spend(*[0.0] * 30))))
    assert "No spend from 2026-07-24 to 2026-08-22." in read(page)
    assert 'class="bars' not in page


def test_only_the_last_thirty_days_count() -> None:
    """Whatever else the daemon keeps, the page's window is 30 days."""
    assert "Last 30 days $30.00 from 2026-07-24" in read(page_of(status(collector(spend=spend(*[1.0] * 40)))))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onload="alert(1)', "'><img src=x>", "</style>"])
def test_foreign_text_stays_text(hostile: str) -> None:
    """Accounts, errors and collectors are shown as they are spelt, never run."""
    shown = status(*[failing(hostile, hostile, collector=hostile) for _ in range(5)])
    page = page_of(shown)
    outline = Outline()
    outline.feed(page)
    assert not outline.tags & {"script", "img"}
    assert hostile in outline.text


def test_foreign_text_can_not_turn_the_page_round() -> None:
    """Control characters and direction marks show as what they are: no text."""
    page = page_of(status(failing("a\u202eb\x07", "x" * 10_000)))
    assert "a\ufffdb\ufffd" in page
    assert "x" * 601 not in page


def test_nothing_is_loaded_and_nothing_runs() -> None:
    """The page is one document: no script, no reference to anything outside it."""
    page = page_of(status(collector(), failing()))
    assert not re.search(r"<(script|link|img|iframe|object)|https?://|url\(|@import| on\w+=", page)


def test_trouble_comes_first() -> None:
    """With several accounts, those that need somebody are on top."""
    names = re.findall(r"<h3><bdi>(.*?)</bdi>", page_of(status(collector("a"), waiting("b"), failing("c"))))
    assert names == ["c", "b", "a"]


def test_states_are_counted() -> None:
    """The head says how many are in which state."""
    text = read(page_of(status(collector("a"), collector("b"), failing("c"))))
    assert "1 failing 2 healthy" in text


def test_five_hundred_accounts_have_a_row_each_and_few_cards() -> None:
    """An overview of all, details of some, and a hint where the rest is."""
    page = page_of(status(*[collector(f"team-{number}") for number in range(500)]))
    assert page.count('<th scope="row">') == 500
    assert page.count("<article") == MOST_CARDS
    assert f"The first {MOST_CARDS} of 500" in read(page)
    assert len(page) < 600_000


def test_nothing_configured_is_said() -> None:
    """A daemon without collectors has a page too."""
    assert "No account has a collector that is switched on." in read(page_of(status()))


async def test_page_is_served(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    """The root answers with the page, for few accounts and for many."""
    for number in (1, 30):
        daemon.collectors = tuple(collector(f"team-{index}") for index in range(number))
        async with client.get("/") as response:
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert f"team-{number - 1}" in await response.text()
