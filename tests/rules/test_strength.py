"""The tests of the alerts are strong: without a threshold or a condition, one of them fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest

from tests.rules.runs import Run, failures
from tests.rules.shipped import ALERTS, CASES, Case, Tree, metrics, promtool, seconds

pytestmark = promtool.needed

_WORD = re.compile(r'"[^"]*"|[()]|\b(?:and|or|unless)\b')
THRESHOLD_VALUES = {"absent": "", "high": "1e15x900", "zero": "0x900"}

Failures = Callable[[str], set[str]]


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


def with_threshold(alert: str, metric: str, kind: str) -> Tree:
    """Return an alert that compares with another series than the threshold, under another name."""
    expression = re.sub(rf"\b{metric}\b", f"{metric}_{kind}", ALERTS[alert]["expr"])
    return ALERTS[alert] | {"alert": f"{alert}_{metric}_{kind}", "expr": expression}


def with_thresholds(case: Case) -> Case:
    """Return a case with series of other values for every threshold."""
    other = [
        {"series": entry["series"].replace("{", f"_{kind}{{", 1), "values": values}
        for entry in case.body["input_series"]
        for kind, values in THRESHOLD_VALUES.items()
        if values and entry["series"].startswith("openrouter_threshold_")
    ]
    return replace(case, body=case.body | {"input_series": [*case.body["input_series"], *other]})


def expecting(case: Case, alert: str, same: list[Tree], never: Sequence[Tree] = ()) -> Case:
    """Return a case that expects of some rules what it expects of an alert, and that others never fire."""
    expected = case.expectations(alert)
    as_shipped = [{**entry, "alertname": rule["alert"]} for rule in same for entry in expected]
    silent = [{**entry, "alertname": rule["alert"], "exp_alerts": []} for rule in never for entry in expected]
    return replace(case, body=case.body | {"alert_rule_test": [*as_shipped, *silent], "promql_expr_test": []})


def length(case: Case) -> float:
    """Return the number of evaluations of a case."""
    last = max(seconds(entry["eval_time"]) for entry in case.body["alert_rule_test"])
    return last / seconds(case.file["evaluation_interval"])


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Failures:
    """Return the failing variants of an alert, with changed thresholds and without conditions.

    The first case fires. The others follow, quiet and short ones first, until every missing condition is detected.
    """

    @cache
    def of(alert: str) -> set[str]:
        firing = next(case for case in CASES if case.fires(alert))
        others = [case for case in CASES if case.expectations(alert) and case is not firing]
        others.sort(key=lambda case: (not case.is_quiet(alert), length(case)))
        changed = [
            with_threshold(alert, metric, kind)
            for name, metric in thresholds()
            if name == alert
            for kind in THRESHOLD_VALUES
        ]
        weaker = [without(alert, number) for name, number in conditions() if name == alert]
        result: set[str] = set()
        for case, never in [(with_thresholds(firing), changed), *((case, []) for case in others)]:
            undetected = [rule for rule in weaker if rule["alert"] not in result]
            if not undetected and not never:
                break
            same = [ALERTS[alert], *undetected]
            run = Run([expecting(case, alert, same, never)], alert, [*same, *never])
            result |= {name for _, _, name in failures(tmp_path_factory.mktemp(alert), {"changed": run})}
        assert alert not in result, f"{alert} fails as it is shipped"
        return result

    return of


@pytest.mark.parametrize(("alert", "metric"), list(thresholds()))
def test_threshold_of_null_disables_the_alert(alert: str, metric: str, failed: Failures) -> None:
    """Its series is absent, and the case that fires does not."""
    assert with_threshold(alert, metric, "absent")["alert"] not in failed(alert)


@pytest.mark.parametrize(("alert", "metric"), list(thresholds()))
def test_threshold_decides_whether_the_alert_fires(alert: str, metric: str, failed: Failures) -> None:
    """A very high value or 0 keeps the firing case from firing."""
    assert not {with_threshold(alert, metric, kind)["alert"] for kind in ("high", "zero")} <= failed(alert)


@pytest.mark.parametrize(("alert", "number"), list(conditions()))
def test_alert_without_one_of_its_conditions_fails_a_test(alert: str, number: int, failed: Failures) -> None:
    assert without(alert, number)["alert"] in failed(alert)
