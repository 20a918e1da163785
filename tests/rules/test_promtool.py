"""Promtool accepts the shipped files, and the tests of the rules pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.rules.runs import Run, write_files
from tests.rules.shipped import CASES, FOLDER, RULE_FILES, TEST_FILES, content, promtool

pytestmark = promtool.needed


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_promtool_accepts_the_rules(path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", path)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_promtool_tests_pass(path: Path, tmp_path: Path) -> None:
    """Labels, annotations and values must be equal."""
    # CI runs the file as users do. Elsewhere each case has only the rules that it needs, which takes 40 % of the time.
    cases = [case for case in CASES if case.path == path]
    files = [path] if os.environ.get("CI") == "true" else write_files(tmp_path, {path.stem: Run(cases)})
    assert "SUCCESS" in promtool("test", "rules", *files)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_test_file_loads_the_alerts_it_expects(path: Path) -> None:
    """Promtool accepts that an unknown alert does not fire."""
    rules = [
        rule
        for name in content(path)["rule_files"]
        for group in content(path.parent / name)["groups"]
        for rule in group["rules"]
    ]
    expected = {name for case in CASES if case.path == path for name in case.alerts}
    assert set() == expected - {rule.get("alert") for rule in rules}


def test_promtool_accepts_the_complete_configuration() -> None:
    """The rules that it names are checked too."""
    assert "SUCCESS" in promtool("check", "config", FOLDER / "prometheus.yaml")
