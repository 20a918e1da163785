"""The README stays short enough to read."""

from __future__ import annotations

from tests.docs.pages import ROOT

LONGEST = 150


def test_readme_is_short() -> None:
    """At most 150 lines; everything else belongs to docs/."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST
