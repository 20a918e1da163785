"""The README stays short enough to read."""

from __future__ import annotations

from tests.docs.pages import ROOT

LONGEST = 150


def test_readme_has_at_most_150_lines() -> None:
    """Everything else belongs in docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST
