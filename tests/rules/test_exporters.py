"""No verdict depends on which exporters show an account, or on the characters of names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.rules.shipped import RULE_FILES, TEST_FILES, Tree, content, promtool
from tests.rules.variants import with_new_instances, with_second_exporter, with_unusual_names

pytestmark = promtool.needed

# Of the rules in long-intervals.yaml, collecting.yaml has cases that take a tenth of the time.
by_file = pytest.mark.parametrize(
    "path", [path for path in TEST_FILES if path.stem != "long-intervals"], ids=lambda path: path.stem
)


@pytest.fixture(scope="module")
def rules_without_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the rules without their annotations, which name instances."""
    folder = tmp_path_factory.mktemp("rules")
    for path in RULE_FILES:
        groups = [
            {**group, "rules": [rule | {"annotations": {}} if "alert" in rule else rule for rule in group["rules"]]}
            for group in content(path)["groups"]
        ]
        (folder / path.name).write_text(json.dumps({"groups": groups}), encoding="utf-8")  # JSON is YAML
    return folder


def check(path: Path, cases: list[Tree], rules: Path, folder: Path) -> None:
    """Run changed cases of a file on the rules in a folder."""
    rule_files = [str(rules / Path(name).name) for name in content(path)["rule_files"]]
    test = folder / "test.json"
    test.write_text(json.dumps({**content(path), "rule_files": rule_files, "tests": cases}), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", test)


@by_file
def test_second_exporter_and_unusual_names_change_no_verdict(path: Path, tmp_path: Path) -> None:
    """The texts have the names as they are, also where a description looks one up by a query."""
    file = content(path)
    cases = [with_second_exporter(with_unusual_names(case, file), file) for case in file["tests"]]
    check(path, cases, RULE_FILES[0].parent, tmp_path)


@by_file
def test_new_instance_changes_no_verdict(path: Path, rules_without_texts: Path, tmp_path: Path) -> None:
    """As in Kubernetes, where a pod that is replaced gets another name."""
    file = content(path)
    check(path, [with_new_instances(case, file) for case in file["tests"]], rules_without_texts, tmp_path)
