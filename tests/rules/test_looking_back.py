"""docs/history.md lists every alert that needs past samples, and whether `export` writes them."""

from __future__ import annotations

import re

from tests.rules.runs import needed_by
from tests.rules.shipped import ALERTS, RECORDED, ROOT

# A series with a range or an offset of hours or days; between them may be the end of what a subquery is over.
_PAST = re.compile(r"([\w:]+)(?:{[^}]*})?[\s)]*(?=\[\d+[hd]|offset \d+[hd])")
_ROW = re.compile(r"^\| (?P<alerts>(?:OpenRouter\w+(?:, )?)+) \| [^|]+ \| (?P<exported>yes|partly|no) \|", re.MULTILINE)


def past_of(alert: str) -> set[str]:
    """Return the series whose past an alert needs."""
    expression = ALERTS[alert]["expr"]
    computed_from = (RECORDED[name]["expr"] for name in needed_by([expression]))
    return {name for text in (expression, *computed_from) for name in _PAST.findall(text)}


def is_exported(name: str) -> bool:
    return re.search(r"(^|:)openrouter_activity_", name) is not None


def documented() -> dict[str, str]:
    """Return the page's statement about each alert."""
    page = (ROOT / "docs/history.md").read_text(encoding="utf-8")
    return {alert: row["exported"] for row in _ROW.finditer(page) for alert in row["alerts"].split(", ")}


def test_page_lists_every_alert_that_needs_past_samples() -> None:
    assert {alert for alert in ALERTS if past_of(alert)} == documented().keys()


def test_page_lists_the_alerts_whose_past_samples_are_exported() -> None:
    expected = {}
    for alert in documented():
        exported = [is_exported(name) for name in past_of(alert)]
        expected[alert] = "yes" if all(exported) else "partly" if any(exported) else "no"
    assert expected == documented()
