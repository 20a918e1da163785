"""The command `rules` writes the shipped file, and rules for labels of any name."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.cli import run
from exporter.commands.rules import rule_file
from exporter.options import parse
from tests.rules.shipped import FOLDER, promtool

SHIPPED = FOLDER / "rules/openrouter-recording-allocation.yaml"
TESTS = FOLDER / "tests/allocation.yaml"

CONFIGURATION = """
accounts: [{name: prod, api_key_env: OPENROUTER_API_KEY}]
allocations: {labels: [team, cost_center]}
"""


def test_shipped_rules_are_those_of_the_label_team() -> None:
    assert rule_file(["team"]) == SHIPPED.read_text(encoding="utf-8")


def test_labels_come_from_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-test")
    path = tmp_path / "config.yaml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    assert run(parse(["rules", f"--config.file={path}"], {})) == 0
    assert capsys.readouterr().out == rule_file(["team", "cost_center"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--allocation.label=job"], "argument --allocation.label: job has another meaning"),
        ([], "allocations.labels is empty; name labels with --allocation.label"),
    ],
)
def test_rules_without_a_usable_label_are_wrong_usage(
    options: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-test")
    assert run(parse(["rules", *options], {})) == 2
    assert message in capsys.readouterr().err


def test_label_that_prometheus_refuses_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["rules", "--allocation.label=cost-center"], {})
    assert "expected a label such as cost_center, got 'cost-center'" in capsys.readouterr().err


@promtool.needed
def test_rules_of_another_label_pass_the_same_tests(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules" / SHIPPED.name).write_text(rule_file(["squad"]), encoding="utf-8")
    tests = TESTS.read_text(encoding="utf-8").replace("account_team:", "account_squad:").replace('team="', 'squad="')
    (tmp_path / "tests" / TESTS.name).write_text(tests, encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "tests" / TESTS.name)


@promtool.needed
def test_rules_of_two_labels_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(rule_file(["team", "cost_center"]), encoding="utf-8")
    assert "SUCCESS: 33 rules found" in promtool("check", "rules", tmp_path / "rules.yaml")
