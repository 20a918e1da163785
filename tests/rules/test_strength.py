"""The tests of the alerts are strong: without a threshold, or without a condition, a verdict changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rules.shipped import ALERTS, CASES, RULE_FILES, Case, content, metrics, promtool

pytestmark = promtool.needed

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


def _run(path: Path, case: Case, **changed: Any) -> bool:
    """Run one case, in a file beside changed copies of the rules, and say whether promtool is content."""
    whole = {**content(case.path), "tests": [{**case.body, **changed}]}
    whole["rule_files"] = [str(path.parent / Path(each).name) for each in whole["rule_files"]]
    path.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    return promtool.run("test", "rules", path).returncode == 0


def _rules(folder: Path, alert: str = "", expression: str = "") -> None:
    """Copy the rules, with another expression for one alert."""
    for path in RULE_FILES:
        tree = content(path)
        for group in tree["groups"]:
            for rule in group["rules"]:
                if alert and rule.get("alert") == alert:
                    rule["expr"] = expression
        (folder / path.name).write_text(json.dumps(tree), encoding="utf-8")


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
    _rules(tmp_path)
    case = _firing(alert)
    assert _run(tmp_path / "test.json", case, input_series=_series(case, metric, None), alert_rule_test=_never(alert))


@pytest.mark.parametrize(("alert", "metric"), list(_thresholds()))
def test_a_threshold_matters(alert: str, metric: str, tmp_path: Path) -> None:
    """Far higher or at 0, one of them, it keeps the case that fires from firing."""
    _rules(tmp_path)
    case = _firing(alert)
    assert any(
        _run(tmp_path / "test.json", case, input_series=_series(case, metric, values), alert_rule_test=_never(alert))
        for values in ("1e15x900", "0x900")
    )


@pytest.mark.parametrize(("alert", "number"), list(_conditions()))
def test_a_condition_matters(alert: str, number: int, tmp_path: Path) -> None:
    """Without it, one of the alert's cases fails."""
    _rules(tmp_path, alert, _without(ALERTS[alert]["expr"], number))
    for path in RULE_FILES:
        promtool("check", "rules", tmp_path / path.name)
    concerned = sorted((case for case in CASES if case.expectations(alert)), key=lambda case: case.fires(alert))
    assert not all(_run(tmp_path / "test.json", case) for case in concerned)
