"""Each plot shows the query above it, and every image is small."""

from __future__ import annotations

import re

from docs.pictures.draw import FOLDER, KINDS, PAGE, expanded, pictures
from tests.docs.pages import PAGES, ROOT

KIBIBYTE = 1024
SCREENSHOTS = ROOT / "docs/screenshots"


def test_every_plot_is_of_a_query_of_the_page() -> None:
    """The plots that are drawn, shown and committed are the same."""
    text = PAGE.read_text(encoding="utf-8")
    assert KINDS.keys() == {picture.name for picture in pictures(text)}
    assert len(KINDS) == text.count("](pictures/")
    assert KINDS.keys() == {path.stem for path in FOLDER.glob("*.png")}


def test_every_plot_is_smaller_than_100_kib() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert {} == {name: size for name, size in sizes.items() if not 5 * KIBIBYTE < size < 100 * KIBIBYTE}


def test_every_screenshot_is_smaller_than_250_kib() -> None:
    sizes = {path.name: path.stat().st_size for path in SCREENSHOTS.glob("*.png")}
    assert {} == {name: size for name, size in sizes.items() if not 5 * KIBIBYTE < size < 250 * KIBIBYTE}


def test_committed_screenshots_are_those_that_pages_show() -> None:
    shown = set(re.findall(r"screenshots/([\w-]+\.png)[)\"]", "".join(page.text for page in PAGES)))
    assert shown == {path.name for path in SCREENSHOTS.glob("*.png")}


def test_recorded_names_are_expanded() -> None:
    """Recording rules are replaced by their expressions until only families of the exporter are left."""
    query = expanded("account:openrouter_activity_spend_usd:over_7d_mean")
    assert "openrouter_activity_7d_" in query
    assert "account:" not in query
