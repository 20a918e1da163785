"""Promtool on changed rules and cases in one process: it evaluates only the rules that they need, and reports all
failures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rules.shipped import RECORDED, Case, Tree, content, promtool

RECORDED_NAME = re.compile(r"\b\w+:\w+:\w+")
_FAILURE = re.compile(r'^ *name: (.+?): (.+),\n *(?:alertname: (\w+)|expr: "(.+?)"), time: ', re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """Changed cases, and the rules that replace an alert. Every other alert is left out."""

    cases: Sequence[Case]
    alert: str = ""
    variants: Sequence[Tree] = ()

    @property
    def paths(self) -> list[Path]:
        """The files of the cases."""
        return sorted({case.path for case in self.cases})

    def groups(self, path: Path) -> Iterator[Tree]:
        """Yield the groups of rules that the cases of a file need."""
        needed = needed_by(self._expressions())
        for name in content(path)["rule_files"]:
            for group in content(path.parent / name)["groups"]:
                rules = list(self._rules(group["rules"], needed))
                if rules:
                    yield group | {"rules": rules}

    def tests(self, path: Path, name: str, rules: Path) -> Tree:
        """Return the cases of a file for rules in another one. Their names begin with that of the run."""
        cases = [case.body | {"name": f"{name}: {case.name}"} for case in self.cases if case.path == path]
        return content(path) | {"rule_files": [str(rules)], "tests": cases}

    def _rules(self, rules: Iterable[Tree], needed: set[str]) -> Iterator[Tree]:
        for rule in rules:
            if rule.get("record") in needed:
                yield rule
            elif "alert" in rule and rule["alert"] == self.alert:
                yield from self.variants

    def _expressions(self) -> Iterator[str]:
        yield from (rule["expr"] for rule in self.variants)
        for case in self.cases:
            yield from (entry["expr"] for entry in case.body.get("promql_expr_test", []))


def failures(folder: Path, runs: Mapping[str, Run]) -> set[tuple[str, str, str]]:
    """Return the failures as run name, case name, and alert or expression."""
    files: list[Path] = []
    for name, run in runs.items():
        for path in run.paths:
            rules, tests = folder / f"{name}-{path.stem}-rules.json", folder / f"{name}-{path.stem}.json"
            rules.write_text(json.dumps({"groups": list(run.groups(path))}), encoding="utf-8")  # JSON is YAML
            tests.write_text(json.dumps(run.tests(path, name, rules)), encoding="utf-8")
            files.append(tests)
    if not files:
        return set()
    done = promtool.run("test", "rules", *files)
    output = done.stdout + done.stderr
    failed = {(run, case, alert or expression) for run, case, alert, expression in _FAILURE.findall(output)}
    assert bool(failed) == bool(done.returncode), output
    return failed


def needed_by(expressions: Iterable[str]) -> set[str]:
    """Return the recorded series that expressions are computed from, directly or not."""
    needed: set[str] = set()
    new = set(expressions)
    while new:
        names = {name for text in new for name in RECORDED_NAME.findall(text)} & RECORDED.keys()
        new = {RECORDED[name]["expr"] for name in names - needed}
        needed |= names
    return needed
