"""The tests of the alerts are strong: without a threshold or a condition, one of them fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.rules.runs import Run, failures
from tests.rules.shipped import ALERTS, CASES, Case, Tree, metrics, promtool

pytestmark = promtool.needed

_WORD = re.compile(r'"[^"]*"|[()]|\b(?:and|or|unless)\b')
THRESHOLD_VALUES = {"absent": None, "high": "1e15x900", "zero": "0x900"}
LONG = "long-intervals"

Failures = Callable[[str], set[tuple[str, str, str]]]


def thresholds() -> Iterator[tuple[str, str]]:
    for name, alert in ALERTS.items():
        for metric in sorted(metrics(alert["expr"])):
            if metric.startswith("openrouter_threshold_"):
                yield name, metric


def conditions() -> Iterator[tuple[str, int]]:
    for name, alert in ALERTS.items():
        for number in range(len(list(spans(alert["expr"])))):
            yield name, number


def spans(expression: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each condition, from its `and` or `unless` to the next operator of its level."""
    level, begun = 0, dict[int, int]()
    for match in _WORD.finditer(expression):
        word = match[0]
        if word == "(":
            level += 1
        elif not word.startswith('"'):
            if level in begun:
                yield begun.pop(level), match.start()
            level -= word == ")"
            if word in {"and", "unless"}:
                begun[level] = match.start()
    yield from ((start, len(expression)) for start in begun.values())


def without(alert: str, number: int) -> Tree:
    """Return an alert without one of its conditions, under another name."""
    start, end = list(spans(ALERTS[alert]["expr"]))[number]
    expression = ALERTS[alert]["expr"]
    return ALERTS[alert] | {"alert": f"{alert}_without_{number}", "expr": expression[:start] + expression[end:]}


def expecting(case: Case, alert: str, names: list[str]) -> Case:
    """Return a case that expects of other alerts what it expects of this one."""
    expectations = [{**entry, "alertname": name} for name in names for entry in case.expectations(alert)]
    return Case(case.path, case.body | {"alert_rule_test": expectations, "promql_expr_test": []})


def with_threshold(case: Case, alert: str, metric: str, values: str | None) -> Case:
    """Return a case with other values of a threshold or without it, in which the alert never fires."""
    series = [
        {**entry, "values": values} if entry["series"].startswith(f"{metric}{{") else entry
        for entry in case.body["input_series"]
        if values is not None or not entry["series"].startswith(f"{metric}{{")
    ]
    never = [{**entry, "exp_alerts": []} for entry in case.expectations(alert)]
    return Case(case.path, case.body | {"input_series": series, "alert_rule_test": never, "promql_expr_test": []})


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Failures:
    """Return the failures of an alert's cases with changed thresholds and without conditions, each run once."""

    @cache
    def of(alert: str) -> set[tuple[str, str, str]]:
        folder = tmp_path_factory.mktemp(alert)
        firing = next(case for case in CASES if case.fires(alert))
        runs = {
            f"{metric}-{kind}": Run([with_threshold(firing, alert, metric, values)], alert, [ALERTS[alert]])
            for name, metric in thresholds()
            if name == alert
            for kind, values in THRESHOLD_VALUES.items()
        }
        weaker = [without(alert, number) for name, number in conditions() if name == alert]
        result = failures(folder, runs | _of_cases(alert, weaker, long=False))
        rest = [rule for rule in weaker if rule["alert"] not in {name for _, _, name in result}]
        return result | failures(folder, _of_cases(alert, rest, long=True))

    return of


def _of_cases(alert: str, rules: list[Tree], *, long: bool) -> dict[str, Run]:
    """Return a run of the alert's cases on other rules: the long and quiet cases, or the others."""
    names = [rule["alert"] for rule in rules]
    of_length = [case for case in CASES if (case.path.stem == LONG) == long]
    cases = [case for case in of_length if (case.is_quiet(alert) if long else case.expectations(alert))]
    return {"conditions": Run([expecting(case, alert, names) for case in cases], alert, rules)} if rules else {}


@pytest.mark.parametrize(("alert", "metric"), list(thresholds()))
def test_threshold_of_null_disables_the_alert(alert: str, metric: str, failed: Failures) -> None:
    """Its series is absent, and the case that fires does not."""
    assert f"{metric}-absent" not in {run for run, _, _ in failed(alert)}


@pytest.mark.parametrize(("alert", "metric"), list(thresholds()))
def test_threshold_decides_whether_the_alert_fires(alert: str, metric: str, failed: Failures) -> None:
    """A very high value or 0 keeps the firing case from firing."""
    assert not {f"{metric}-high", f"{metric}-zero"} <= {run for run, _, _ in failed(alert)}


@pytest.mark.parametrize(("alert", "number"), list(conditions()))
def test_alert_without_one_of_its_conditions_fails_a_test(alert: str, number: int, failed: Failures) -> None:
    assert without(alert, number)["alert"] in {name for _, _, name in failed(alert)}
