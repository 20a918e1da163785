"""The visible text of a page, read by a parser that checks that tags nest."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from exporter.status import Status
from exporter.web.page.landing import landing_page
from exporter.web.web_settings import WebSettings

VOID = {"meta", "rect"}  # rect is written self-closing


class Outline(HTMLParser):
    """A parser that collects the visible text and the tags of a page, and fails if tags do not nest."""

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
