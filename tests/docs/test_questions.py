"""The page of questions has at least twenty, each with a query or a page, and with what must be configured."""

from __future__ import annotations

import json
import re

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/questions.md")
SECTIONS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", PAGE.text, flags=re.MULTILINE | re.DOTALL))


def test_page_has_at_least_twenty_questions() -> None:
    assert len(SECTIONS) >= 20
    assert all(question.endswith("?") for question in SECTIONS)


def test_every_question_has_a_query_or_a_page() -> None:
    """Another test runs the queries on the demo."""
    lacking = [question for question, text in SECTIONS.items() if "```promql" not in text and ".md)" not in text]
    assert lacking == []


def test_every_question_names_what_must_be_configured() -> None:
    """It may be nothing."""
    assert [question for question, text in SECTIONS.items() if "Configure: " not in text] == []


def test_every_named_panel_is_on_the_named_dashboard() -> None:
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "config/grafana/dashboards").glob("*")]
    panels = {
        (board["title"].removeprefix("OpenRouter / "), panel["title"]) for board in boards for panel in board["panels"]
    }
    named = set(re.findall(r"Panel:\s\*([^*]+)\*,\s([^.]+)\.", PAGE.text))
    assert len(named) > 10
    assert {(board, re.sub(r"\s+", " ", panel)) for board, panel in named} <= panels


def test_questions_that_the_api_cannot_answer_are_listed() -> None:
    """Failed requests are what readers look for first."""
    assert "| How many requests failed? |" in PAGE.text
