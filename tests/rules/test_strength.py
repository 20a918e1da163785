"""The tests of the alerts are strong: without a threshold, or without a condition, a verdict changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rules.shipped import ALERTS, CASES, RECORDED, RULE_FILES, Case, content, metrics, promtool

pytestmark = promtool.needed

_RECORDED_NAME = re.compile(r"\b\w+:\w+:\w+")
_CONDITION = re.compile(r"^(and|unless)\b", re.MULTILINE)


def _thresholds() -> Iterator[tuple[str, str]]:
    for name, alert in ALERTS.items():
        for metric in sorted(metrics(alert["expr"])):
            if metric.startswith("openrouter_threshold_"):
                yield name, metric


def _conditions() -> Iterator[tuple[str, int]]:
    for name, alert in ALERTS.items():
        for number in range(len(_CONDITION.findall(alert["expr"]))):
            yield name, number


def _without(expression: str, number: int) -> str:
    """Leave out a condition: from its `and` or `unless` to the next one or the end."""
    starts = [found.start() for found in _CONDITION.finditer(expression)] + [len(expression)]
    return expression[: starts[number]] + expression[starts[number + 1] :]


def _run(path: Path, case: Case, alert: str, **changed: Any) -> bool:
    """Run one alert's part of a case, in a file beside changed copies of the rules; return whether promtool passes."""
    part = {"alert_rule_test": case.expectations(alert), "promql_expr_test": []}
    whole = {**content(case.path), "tests": [{**case.body, **part, **changed}]}
    copies = [path.parent / Path(name).name for name in whole["rule_files"]]
    whole["rule_files"] = [str(copy) for copy in copies if copy.exists()]
    path.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    return promtool.run("test", "rules", path).returncode == 0


def _rules(folder: Path, alert: str, expression: str) -> None:
    """Copy the rules that an alert needs, with another expression for the alert.

    Evaluating all the others at each step would take ten times as long and change nothing.
    """
    needed = _needed(expression)
    for path in RULE_FILES:
        groups = []
        for group in content(path)["groups"]:
            rules = [
                rule | {"expr": expression} if rule.get("alert") == alert else rule
                for rule in group["rules"]
                if rule.get("alert") == alert or rule.get("record") in needed
            ]
            groups += [group | {"rules": rules}] if rules else []
        if groups:
            (folder / path.name).write_text(json.dumps({"groups": groups}), encoding="utf-8")


def _needed(expression: str) -> set[str]:
    """Return the recorded series that an expression is computed from, directly or not."""
    needed: set[str] = set()
    new = {expression}
    while new:
        names = {name for text in new for name in _RECORDED_NAME.findall(text)} & RECORDED.keys()
        new = {RECORDED[name]["expr"] for name in names - needed}
        needed |= names
    return needed


def _length(case: Case) -> int:
    """Return how many samples a case has: the order of how long it takes."""
    values = " ".join(series["values"] for series in case.body["input_series"])
    return sum(map(int, re.findall(r"x(\d+)", values)))


def _firing(alert: str) -> Case:
    return next(case for case in CASES if case.fires(alert))


def _series(case: Case, metric: str, values: str | None) -> list[dict[str, str]]:
    """The case's series, with other values for a metric, or without it."""
    return [
        {**each, "values": values} if values is not None and each["series"].startswith(f"{metric}{{") else each
        for each in case.body["input_series"]
        if values is not None or not each["series"].startswith(f"{metric}{{")
    ]


def _never(alert: str) -> list[dict[str, Any]]:
    return [{**each, "exp_alerts": []} for each in _firing(alert).expectations(alert)]


@pytest.mark.parametrize(("alert", "metric"), list(_thresholds()))
def test_a_threshold_that_is_null_switches_the_alert_off(alert: str, metric: str, tmp_path: Path) -> None:
    """Its series is absent then, and the case that fires does not."""
    _rules(tmp_path, alert, ALERTS[alert]["expr"])
    case = _firing(alert)
    assert _run(
        tmp_path / "test.json", case, alert, input_series=_series(case, metric, None), alert_rule_test=_never(alert)
    )


@pytest.mark.parametrize(("alert", "metric"), list(_thresholds()))
def test_a_threshold_matters(alert: str, metric: str, tmp_path: Path) -> None:
    """Far higher or at 0, one of them, it keeps the case that fires from firing."""
    _rules(tmp_path, alert, ALERTS[alert]["expr"])
    case = _firing(alert)
    assert any(
        _run(
            tmp_path / "test.json",
            case,
            alert,
            input_series=_series(case, metric, values),
            alert_rule_test=_never(alert),
        )
        for values in ("1e15x900", "0x900")
    )


@pytest.mark.parametrize(("alert", "number"), list(_conditions()))
def test_a_condition_matters(alert: str, number: int, tmp_path: Path) -> None:
    """Without it, one of the alert's cases fails."""
    _rules(tmp_path, alert, _without(ALERTS[alert]["expr"], number))
    promtool("check", "rules", *tmp_path.iterdir())
    concerned = sorted((case for case in CASES if case.expectations(alert)), key=_length)
    assert not all(_run(tmp_path / "test.json", case, alert) for case in concerned)
