"""The page of questions: twenty at least, each with a query, or with the page that has it, and what it needs."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs/questions.md")
SECTIONS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", PAGE.text, flags=re.MULTILINE | re.DOTALL))


def test_there_are_twenty_questions() -> None:
    """And each is a question."""
    assert len(SECTIONS) >= 20
    assert all(question.endswith("?") for question in SECTIONS)


def test_every_question_has_a_query_or_a_page() -> None:
    """Another test runs the queries on the demo."""
    lacking = [question for question, text in SECTIONS.items() if "```promql" not in text and ".md)" not in text]
    assert lacking == []


def test_every_question_says_what_must_be_configured() -> None:
    """It may be nothing."""
    assert [question for question, text in SECTIONS.items() if "Configure: " not in text] == []


def test_what_the_api_cannot_answer_is_listed() -> None:
    """Failed requests are the first thing that people look for."""
    assert "| How many requests failed? |" in PAGE.text
