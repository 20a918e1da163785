"""Promtool accepts the shipped files, and the tests of the rules pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.shipped import FOLDER, RULE_FILES, TEST_FILES, promtool

pytestmark = promtool.needed


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_promtool_accepts_the_rules(path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", path)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_promtool_tests_pass(path: Path) -> None:
    """Labels, annotations and values must be equal."""
    assert "SUCCESS" in promtool("test", "rules", path)


def test_promtool_accepts_the_complete_configuration() -> None:
    """The rules that it names are checked too."""
    assert "SUCCESS" in promtool("check", "config", FOLDER / "prometheus.yaml")
