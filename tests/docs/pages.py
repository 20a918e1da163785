"""The pages of the documentation and their parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page in Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def without_blocks(self) -> str:
        return _BLOCK.sub("", self.text)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Return the anchors of the headings, as links name them."""
        headings = (heading.lower().replace("`", "") for heading in _HEADING.findall(self.without_blocks))
        return frozenset(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings)

    def blocks(self, language: str) -> list[str]:
        """Return the code blocks in a language in order."""
        return [body for result, body in _BLOCK.findall(self.text) if result == language]


PAGES = tuple(Page(path) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))))
GENERATED = ("docs/metrics.md",)


def blocks(language: str) -> list[tuple[str, str]]:
    """Return every code block in a language, with a name that identifies it."""
    return [(f"{page.name}-{number}", body) for page in PAGES for number, body in enumerate(page.blocks(language), 1)]
