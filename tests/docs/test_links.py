"""Links resolve, and lines keep within their width."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import GENERATED, PAGES, ROOT, Page

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:exporter|tests|config|docs|benchmarks)/[\w./-]+)`")
_LONGEST_LINE = 120

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@by_page
def test_relative_links_resolve(page: Page) -> None:
    """The file and the heading exist."""
    by_path = {other.path: other for other in PAGES}
    for link in _LINK.findall(page.without_blocks):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in by_path[target].anchors, link


@by_page
def test_paths_named_in_the_text_exist(page: Page) -> None:
    """They are files and folders relative to the root of the repository."""
    missing = [path for path in _PATH.findall(page.without_blocks) if not (ROOT / path).exists()]
    assert [] == missing


@by_page
def test_lines_of_prose_are_at_most_120_columns(page: Page) -> None:
    """Rows of tables cannot be broken, so they may be longer."""
    if page.name in GENERATED:
        return
    long = [line for line in page.text.splitlines() if len(line) > _LONGEST_LINE and not line.startswith("|")]
    assert [] == long


def test_every_page_can_be_reached_from_the_readme() -> None:
    """Pages in a folder are linked from the README of that folder."""
    by_path = {page.path: page for page in PAGES}

    def is_linked(page: Page) -> bool:
        table = by_path.get(page.path.parent / "README.md")
        if table is None:
            return f"({page.name}" in PAGES[0].text
        if table is page:
            return any(
                f"({page.name}" in other.text or f"({page.path.parent.name}/README.md" in other.text for other in PAGES
            )
        return f"({page.path.name})" in table.text

    assert [] == [page.name for page in PAGES[1:] if not is_linked(page)]
