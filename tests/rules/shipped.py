"""The rules and their tests as they are shipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config/prometheus"
RULE_FILES = tuple(sorted((FOLDER / "rules").glob("*.yaml")))
TEST_FILES = tuple(sorted((FOLDER / "tests").glob("*.yaml")))
RUNBOOKS = ROOT / "docs/runbooks"

Tree = dict[str, Any]

_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@cache
def content(path: Path) -> Tree:
    """Return the content of a YAML file; do not change it."""
    tree = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert isinstance(tree, dict)
    return tree


def seconds(duration: str) -> int:
    """Parse a duration as promtool does, such as 7d15h."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


RULES: list[Tree] = [rule for path in RULE_FILES for group in content(path)["groups"] for rule in group["rules"]]
ALERTS: dict[str, Tree] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED: dict[str, Tree] = {rule["record"]: rule for rule in RULES if "record" in rule}


@dataclass(frozen=True)
class Case:
    """One test group of one file."""

    path: Path
    body: Tree

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def alerts(self) -> list[str]:
        """Return the alerts with expectations."""
        return sorted({entry["alertname"] for entry in self.body.get("alert_rule_test", [])})

    def expectations(self, alert: str) -> list[Tree]:
        """Return the expectations for an alert."""
        return [case for case in self.body.get("alert_rule_test", []) if case["alertname"] == alert]

    @property
    def file(self) -> Tree:
        """Return the content of its file."""
        return content(self.path)

    def only(self, alert: str) -> Case:
        """Return the case with the expectations for one alert and for recorded series only."""
        return Case(self.path, self.body | {"alert_rule_test": self.expectations(alert)})

    def fires(self, alert: str) -> bool:
        return any(expectation["exp_alerts"] for expectation in self.expectations(alert))

    def is_quiet(self, alert: str) -> bool:
        expected = self.expectations(alert)
        return bool(expected) and not any(case["exp_alerts"] for case in expected)


CASES = tuple(Case(path, body) for path in TEST_FILES for body in content(path)["tests"])


def metrics(expression: str) -> set[str]:
    """Return the families of the exporter in an expression, with regular expressions of names expanded."""
    plain = re.sub(r"\b\w+:\w+:\w+", "", expression)
    spelled = re.sub(r"(\w+)\((\w*)\|?(\w*)\)(\?)?(\w+)", _alternatives, plain)
    return set(re.findall(r"\bopenrouter_\w+", spelled))


def _alternatives(result: re.Match[str]) -> str:
    before, one, other, _, after = result.groups()
    return (
        " ".join(f"{before}{word}{after}" for word in {one, other}) if before.startswith("openrouter_") else result[0]
    )


class Promtool:
    """Runs promtool. Without promtool, tests are skipped, but they fail in CI."""

    program = shutil.which("promtool")
    needed = pytest.mark.skipif(
        program is None and os.environ.get("CI") != "true", reason="promtool isn't installed (apt: prometheus)"
    )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        assert self.program is not None, "promtool isn't installed, and CI must have it"
        # Less garbage collection and no idle threads: a quarter less time.
        environment = os.environ | {"GOGC": "400", "GOMAXPROCS": "1"}
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False, env=environment)

    def __call__(self, *arguments: str | Path) -> str:
        """Return the output, or fail unless promtool succeeds."""
        done = self.run(*arguments)
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr


promtool = Promtool()
