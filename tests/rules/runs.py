"""Promtool on many cases in one process: it evaluates only the rules that each one needs, and reports all failures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

from tests.rules.shipped import ALERTS, RECORDED, Case, Tree, content, promtool, seconds

RECORDED_NAME = re.compile(r"\b\w+:\w+:\w+")
_FAILURE = re.compile(r'^ *name: (.+?): (.+),\n *(?:alertname: (\w+)|expr: "(.+?)"), time: ', re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """Cases, each with only the rules that it needs: the shipped alerts, or those that replace one of them."""

    cases: Sequence[Case]
    alert: str = ""
    variants: Sequence[Tree] = ()

    def groups(self, case: Case) -> Iterator[Tree]:
        """Yield the groups of rules that a case needs."""
        needed = needed_by(self._expressions(case))
        for name in case.file["rule_files"]:
            for group in content(case.path.parent / name)["groups"]:
                rules = [rule for shipped in group["rules"] for rule in self._instead_of(shipped, case, needed)]
                if rules:
                    yield group | {"rules": rules}

    def tests(self, case: Case, name: str, rules: Path) -> Tree:
        """Return a file with the case for rules in another one. Its name begins with that of the run."""
        body = case.body | {"name": f"{name}: {case.name}"}
        interval = f"{self._interval(case)}s"
        return case.file | {"evaluation_interval": interval, "rule_files": [str(rules)], "tests": [body]}

    def _instead_of(self, rule: Tree, case: Case, needed: set[str]) -> Sequence[Tree]:
        if "record" in rule:
            return [rule] if rule["record"] in needed else []
        if self.alert:
            return self.variants if rule["alert"] == self.alert else []
        return [rule] if case.expectations(rule["alert"]) else []

    def _expressions(self, case: Case) -> Iterator[str]:
        alerts = self.variants if self.alert else [ALERTS[name] for name in case.alerts]
        yield from (rule["expr"] for rule in alerts)
        yield from (entry["expr"] for entry in case.body.get("promql_expr_test", []))

    def _interval(self, case: Case) -> int:
        """Return the seconds between evaluations.

        Changed alerts are evaluated as seldom as their times allow. Those on recorded series need samples in the past
        as often as the file says.
        """
        shipped = seconds(case.file["evaluation_interval"])
        if not self.alert or needed_by(self._expressions(case)):
            return shipped
        times = (entry["eval_time"] for entry in case.body["alert_rule_test"])
        delays = (rule.get(key, "0s") for rule in self.variants for key in ("for", "keep_firing_for"))
        return max(shipped, gcd(*map(seconds, (*times, *delays))))


def write_files(folder: Path, runs: Mapping[str, Run]) -> list[Path]:
    """Write the rules and tests of runs. Return the files of tests."""
    files: list[Path] = []
    for name, run in runs.items():
        for number, case in enumerate(run.cases):
            rules, tests = folder / f"{name}-{number}-rules.json", folder / f"{name}-{number}.json"
            rules.write_text(json.dumps({"groups": list(run.groups(case))}), encoding="utf-8")  # JSON is YAML
            tests.write_text(json.dumps(run.tests(case, name, rules)), encoding="utf-8")
            files.append(tests)
    return files


def failures(folder: Path, runs: Mapping[str, Run]) -> set[tuple[str, str, str]]:
    """Return the failures as run name, case name, and alert or expression."""
    files = write_files(folder, runs)
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
