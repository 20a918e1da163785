"""Promtool accepts the shipped files, and the tests of the rules pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.shipped import FOLDER, RULE_FILES, TEST_FILES, promtool

pytestmark = promtool.needed


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_promtool_accepts_the_rules(path: Path) -> None:
    """`promtool check rules` succeeds."""
    assert "SUCCESS" in promtool("check", "rules", path)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_promtool_tests_pass(path: Path) -> None:
    """`promtool test rules`, with exact labels, annotations and values."""
    assert "SUCCESS" in promtool("test", "rules", path)


def test_promtool_accepts_the_whole_configuration() -> None:
    """`promtool check config` succeeds, for the rules it names too."""
    assert "SUCCESS" in promtool("check", "config", FOLDER / "prometheus.yaml")
