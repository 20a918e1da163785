"""Budgets, the largest spenders and accounts on the pages: what is shown, and in which order."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from yarl import URL

from exporter.status import CREDIT_LEFT, SPENT_TODAY, BudgetStatus, CollectorStatus, Figure, Top, TopEntry
from exporter.web.overview import account_summaries, budgets_of, tops_of
from exporter.web.page.budget_bars import MOST_BUDGETS, percent
from exporter.web.page.landing import account_page, landing_page
from exporter.web.routes import PAGE_HEADERS
from exporter.web.web_settings import WebSettings
from tests.support import NOON
from tests.web.conftest import Serve
from tests.web.fakes import FakeDaemon
from tests.web.outline import Outline, page_of, read
from tests.web.samples import collector, failing, incomplete, spend, status, waiting

HOSTILE = ["<script>alert(1)</script>", '" onload="alert(1)', "</style>"]


def budget(name: str = "month", spent: float | None = 57.0, limit: float = 100.0, **changes: Any) -> BudgetStatus:
    values: dict[str, Any] = {
        "period": "month",
        "source": "configuration",
        "scope": "account",
        "value": "",
        "spent_usd": spent,
        "remaining_usd": None if spent is None else limit - spent,
        "period_start": datetime(2026, 8, 1, tzinfo=UTC),
        "period_end": datetime(2026, 9, 1, tzinfo=UTC),
    }
    return BudgetStatus(name=name, limit_usd=limit, **{**values, **changes})


def budgets(*listed: BudgetStatus, account: str = "default", **changes: Any) -> CollectorStatus:
    return collector(account, collector="budgets", spend=(), day=None, budgets=listed, **changes)


def models(*entries: tuple[str, float], total: float | None, account: str = "default") -> CollectorStatus:
    share = [TopEntry(name, usd, usd / total if total else None) for name, usd in entries]
    return collector(account, tops=(Top(of="model", period="30d", total_usd=total, entries=tuple(share)),))


def test_budget_shows_limit_spend_remainder_projection_and_end_of_period() -> None:
    text = read(page_of(status(budgets(budget(projected_usd=78.5)))))
    assert "month account, each month $57.00 of $100.00" in text
    assert "57 % spent, $43.00 left, $78.50 projected, until 2026-09-01 00:00 UTC" in text


def test_overspent_budget_shows_the_excess_and_a_full_bar() -> None:
    page = page_of(status(budgets(budget(spent=250.0))))
    assert "250 % spent, $150.00 over" in read(page)
    assert '<li class="over">' in page
    assert 'style="width:100.0%"' in page


@pytest.mark.parametrize(
    ("shown", "level"),
    [
        (budget(spent=10.0), "fine"),
        (budget(spent=80.0), "near"),
        (budget(spent=50.0, projected_usd=101.0), "near"),
        (budget(spent=100.0), "over"),
        (budget(spent=0.0, limit=0.0), "over"),
        (budget(spent=None), "unknown"),
    ],
)
def test_level_of_a_budget_follows_its_spend_and_projection(shown: BudgetStatus, level: str) -> None:
    """A budget is near its limit from 80 %, or if the projection exceeds it."""
    assert f'<li class="{level}">' in page_of(status(budgets(shown)))


def test_share_of_a_budget_is_rounded_down() -> None:
    """99.9 % must not look fully spent. A refund makes the share negative."""
    shares = [percent(share) for share in (0.999, 1.0, 0.57, 12.345, -0.05)]
    assert shares == ["99 %", "100 %", "57 %", "1,234 %", "\N{MINUS SIGN}5 %"]


def test_failed_budget_is_first_and_has_its_error() -> None:
    """Its spend is never shown as 0."""
    shown = budgets(budget(spent=99.0), budget("lab", None, error="no workspace has the id, slug or name lab"))
    text = read(page_of(status(shown)))
    assert "lab account, each month limit $100.00 spend unknown" in text
    assert "no workspace has the id, slug or name lab" in text
    assert [budget.budget.name for budget in budgets_of([shown])] == ["lab", "month"]


def test_budgets_of_a_failed_poll_show_the_time_of_the_last_success() -> None:
    shown = failing(collector="budgets", budgets=(budget(),))
    assert "as of 1 min ago" in read(page_of(status(shown)))


def test_most_spent_budgets_and_the_number_of_the_others_are_shown() -> None:
    shown = budgets(*[budget(f"b{number}", float(number)) for number in range(MOST_BUDGETS + 3)])
    page = page_of(status(shown))
    assert re.findall(r"<h3><bdi>(b\d+)", page)[0] == f"b{MOST_BUDGETS + 2}"
    assert "3 more budgets in the status." in read(page)


def test_page_without_budgets_and_spenders_has_no_sections_for_them() -> None:
    text = read(page_of(status(collector())))
    assert "Budgets" not in text
    assert "Top models" not in text


def test_largest_spenders_are_shown_with_their_share() -> None:
    text = read(page_of(status(models(("acme/one", 30.0), ("acme/two", 10.0), total=80.0))))
    assert "Top models in 30 days of $80.00 acme/one $30.00 38 % acme/two $10.00 12 %" in text


def test_negative_total_has_no_shares() -> None:
    """Refunds of other models may exceed the spend."""
    text = read(page_of(status(models(("acme/one", 30.0), total=-5.0))))
    assert "of \N{MINUS SIGN}$5.00 acme/one $30.00 Spend per UTC day" in text


def test_largest_spenders_of_several_accounts_name_the_account() -> None:
    """Shares are of the total of all accounts."""
    (merged,) = tops_of([models(("x", 30.0), total=30.0, account="a"), models(("x", 90.0), total=90.0, account="b")])
    assert (merged.total_usd, merged.rows) == (120.0, (("b", "x", 90.0, 0.75), ("a", "x", 30.0, 0.25)))


def test_unknown_total_has_no_shares() -> None:
    """One account with an unreadable amount makes the total unknown."""
    (merged,) = tops_of([models(("x", 30.0), total=None, account="a"), models(("x", 90.0), total=90.0, account="b")])
    assert (merged.total_usd, [row.share for row in merged.rows]) == (None, [None, None])


def test_total_of_some_accounts_shows_how_many_it_includes() -> None:
    text = read(page_of(status(models(("x", 30.0), total=30.0, account="a"), waiting("b"))))
    assert "Top models in 30 days of $30.00, 1 of 2 accounts" in text


def test_total_that_lacks_rejected_rows_is_marked() -> None:
    """Shares are of the rows that could be read."""
    shown = replace(models(("x", 30.0), total=30.0), polls=incomplete().polls)
    assert "of $30.00, without rejected rows" in read(page_of(status(shown)))


def test_30_day_spend_of_an_account_has_30_days() -> None:
    """One more day is known until yesterday has settled."""
    (summary,) = account_summaries(status(collector(spend=spend(*[1.0] * 31))))
    assert summary.thirty_days == 30.0


def test_day_without_spend_shows_a_sentence_instead_of_a_table() -> None:
    assert "Top models in 30 days of $0.00 No spend." in read(page_of(status(models(total=0.0))))


def test_account_row_has_its_amounts_most_spent_budget_and_state() -> None:
    figures = (Figure(SPENT_TODAY, 3.0), Figure(CREDIT_LEFT, 12.0))
    shown = (collector("a", figures=figures), budgets(budget("low", 1.0), budget("high", 90.0), account="a"))
    (summary,) = account_summaries(status(*shown))
    assert summary.latest_day is not None
    assert (summary.latest_day.usd, summary.thirty_days, summary.today, summary.credit) == (4.5, 7.5, 3.0, 12.0)
    assert summary.budget is not None
    text = read(page_of(status(*shown, waiting("b"))))
    assert "a healthy $4.50 $7.50 $3.00 $12.00 90 % of high" in text
    assert "b waiting activity — — — — —" in text


def test_failing_accounts_and_spent_budgets_come_first() -> None:
    shown = status(
        collector("fine"),
        collector("spent"),
        budgets(budget(spent=120.0), account="spent"),
        failing("down"),
        collector("nearly"),
        budgets(budget(spent=90.0), account="nearly"),
    )
    assert [summary.account for summary in account_summaries(shown)] == ["down", "spent", "nearly", "fine"]


def test_account_row_links_to_its_page() -> None:
    """The link is below the route prefix, with every character quoted."""
    page = page_of(status(collector("a/b ü<"), collector("b")), WebSettings(route_prefix="/x"))
    assert '<a href="/x/accounts/a%2Fb%20%C3%BC%3C"><bdi>a/b ü&lt;</bdi></a>' in page


def test_account_page_has_only_its_account() -> None:
    """It has the cards of collectors, which the landing page of several accounts lacks."""
    shown = status(collector("a"), failing("b", "503: no upstream"))
    page = account_page(shown, "b", WebSettings(route_prefix="/x"))
    assert page is not None
    assert "Account b" in read(page)
    assert "503: no upstream" in read(page)
    assert '<a href="/x/">All accounts</a>' in page
    assert re.findall(r"<h3><bdi>(.*?)</bdi>", page) == ["b"]
    assert "503: no upstream" not in read(landing_page(shown, WebSettings()))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_untrusted_names_are_escaped(hostile: str) -> None:
    """They are names of budgets, scopes, models, keys and accounts, and errors."""
    shown = (
        budgets(budget(hostile, scope="key", value=hostile, error=hostile), account=hostile),
        models((hostile, 1.0), total=1.0, account=hostile),
        collector("other"),
    )
    pages = [landing_page(status(*shown), WebSettings()), account_page(status(*shown), hostile, WebSettings())]
    for page in pages:
        assert page is not None
        outline = Outline()
        outline.feed(page)
        assert not outline.tags & {"script", "img"}
        assert outline.text.count(hostile) > 5


@pytest.mark.parametrize("name", ["a", "a/b", "ü ?&#", "100%25", "<b>"])
async def test_account_page_is_served(serve: Serve, daemon: FakeDaemon, name: str) -> None:
    """The landing page links to it, and it has the same headers."""
    daemon.collectors = (collector(name), collector("other"))
    client = await serve(WebSettings(route_prefix="/x"))
    async with client.get("/x/") as response:
        (link,) = [
            link for link in re.findall(r'href="(/x/accounts/[^"]*)"', await response.text()) if "other" not in link
        ]
    async with client.get(URL(link, encoded=True)) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert response.headers["Content-Security-Policy"] == PAGE_HEADERS["Content-Security-Policy"]
        assert "All accounts" in await response.text()


@pytest.mark.parametrize("path", ["/accounts/nobody", "/accounts/", "/accounts", "/accounts/a/b"])
async def test_page_of_an_unknown_account_gets_404(
    client: aiohttp.ClientSession, daemon: FakeDaemon, path: str
) -> None:
    """The account may have been removed by a reload."""
    daemon.collectors = (collector("a"),)
    async with client.get(path) as response:
        assert response.status == 404


async def test_other_methods_on_an_account_page_get_405(client: aiohttp.ClientSession, daemon: FakeDaemon) -> None:
    daemon.collectors = (collector("a"),)
    async with client.post("/accounts/a") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_spend_of_an_ended_period_is_unknown() -> None:
    """The bar of yesterday's budget must not be shown as today's."""
    ended = replace(budget(), period_end=NOON - timedelta(seconds=1)).at(NOON)
    assert "spend unknown" in read(page_of(status(budgets(ended))))
