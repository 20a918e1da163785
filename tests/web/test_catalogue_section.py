"""The public catalogue on the landing page."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from exporter.status import CollectorStatus, Retirement
from exporter.web.page.landing import account_page, landing_page
from exporter.web.status_json import status_json
from exporter.web.web_settings import WebSettings
from tests.support import NOON
from tests.web.samples import collector, failing, status

SETTINGS = WebSettings()
DAY = timedelta(days=1)


def catalogue(*days: int, **fields: object) -> CollectorStatus:
    """Return the catalogue's collector with one model in use for each number of days until its retirement."""
    retirements = tuple(Retirement(f"acme/<{number}>", NOON.date() + number * DAY) for number in days)
    return replace(collector(""), account="", collector="catalogue", retirements=retirements, **fields)  # type: ignore[arg-type]


def page(*days: int) -> str:
    return landing_page(replace(status(collector("one")), catalogue=(catalogue(*days),)), SETTINGS)


def test_models_in_use_that_retire_within_14_days_are_named() -> None:
    shown = page(3, 14, 15)
    assert "2 models in use retire within 14 days:" in shown
    assert "acme/&lt;3&gt;" in shown
    assert "(2026-09-06)" in shown
    assert "acme/&lt;15&gt;" not in shown


def test_line_for_one_retiring_model_is_in_the_singular() -> None:
    assert "1 model in use retires within 14 days:" in page(0)


def test_model_past_its_expiration_date_is_named_as_retired() -> None:
    shown = page(-3, 0)
    assert "(since 2026-08-20)" in shown
    assert "(2026-08-23)" in shown


def test_no_line_is_shown_without_a_retirement() -> None:
    assert "in use retire" not in page(15)


def test_only_the_first_of_many_models_are_named() -> None:
    shown = page(*[1] * 12)
    assert "12 models in use retire" in shown
    assert "and 2 more." in shown


def test_catalogue_has_a_card_without_an_account() -> None:
    shown = page()
    assert "Public catalogue" in shown
    assert "all accounts" in shown


def test_catalogue_is_not_listed_as_an_account() -> None:
    described = replace(status(collector("one"), collector("two")), catalogue=(catalogue(3),))
    shown = landing_page(described, SETTINGS)
    assert "1 model in use retires" in shown
    assert '<div class="tile"><p>Accounts</p><b>2</b>' in shown
    assert account_page(described, "", SETTINGS) is None


def test_failing_catalogue_leaves_the_badge_of_the_accounts_alone() -> None:
    broken = replace(failing(), account="", collector="catalogue")
    shown = landing_page(replace(status(collector("one")), catalogue=(broken,)), SETTINGS)
    head = shown.partition("</header>")[0]
    assert '<span class="badge healthy">healthy</span>' in head
    assert "failing" not in head.partition("</style>")[2]


def test_status_has_the_catalogue_with_its_state() -> None:
    document = json.loads(status_json(replace(status(collector("one")), catalogue=(catalogue(3),))))
    (shown,) = document["catalogue"]
    assert ("catalogue", "healthy") == (shown["collector"], shown["state"])
    assert [{"model": "acme/<3>", "day": "2026-08-26"}] == shown["retirements"]
