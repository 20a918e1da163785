"""Every expression in the repository: of rules, of dashboards and of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.dashboards import expressions as dashboards
from tests.docs.pages import Page
from tests.servers.shipped import ROOT, rules

# A name, and the matchers that may follow it.
_SELECTOR = re.compile(r'(?<![\w:"])((?:account\w*:)?openrouter_[\w:]+|up)\b(\{[^}]*\})?')


@dataclass(frozen=True)
class Expression:
    """An expression, and its name in failures."""

    name: str
    text: str
    step: int = 0  # seconds, for a graph


def recorded() -> Iterator[Expression]:
    """Yield every recorded series."""
    for rule in rules():
        if not rule.alerts:
            yield Expression(rule.name, rule.expression)


def selected() -> Iterator[Expression]:
    """Yield every selector of the alerts. An alert has no result for a healthy account, but its selectors do."""
    for rule in rules():
        if rule.alerts:
            for result in _SELECTOR.finditer(rule.expression):
                yield Expression(result[0], result[0])


def panels() -> Iterator[Expression]:
    """Yield every query of every panel."""
    for expression in dashboards.expressions():
        yield Expression(f"{expression.dashboard}: {expression.panel}", expression.expression, expression.step)


def documented() -> Iterator[Expression]:
    """Yield every block of PromQL of every page."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        page = Page(path)
        for block in page.blocks("promql"):
            yield Expression(f"{page.name}: {block.splitlines()[0]}", block)
