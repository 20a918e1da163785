"""No alert depends on which exporters publish an account, or on the characters in names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rules.runs import Run, failures
from tests.rules.shipped import ALERTS, CASES, Case, Tree, promtool
from tests.rules.variants import (
    BY_INSTANCE,
    with_new_instances,
    with_second_exporter,
    with_unusual_names,
    without_texts,
)

pytestmark = promtool.needed

# Of the rules in long-intervals.yaml, collecting.yaml has cases that take a tenth of the time.
SHORTER = [case for case in CASES if case.path.stem != "long-intervals"]
WITHOUT_ALERTS = [case for case in SHORTER if not case.body.get("alert_rule_test")]


def with_second_exporter_and_unusual_names(case: Tree, file: Tree) -> Tree:
    return with_second_exporter(with_unusual_names(case, file), file)


CHANGES = (with_second_exporter_and_unusual_names, with_new_instances)


def changed(cases: Iterable[Case], change: Callable[[Tree, Tree], Tree]) -> list[Case]:
    return [replace(case, body=change(case.body, case.file)) for case in cases]


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if alert not in BY_INSTANCE])
def test_additional_exporters_and_unusual_names_change_no_alert(alert: str, tmp_path: Path) -> None:
    """Results stay with a second exporter, with one that is renamed as in Kubernetes, and with quotes in model names.

    Annotations contain these names. With a renamed exporter they are left out, because they list the exporters.
    """
    cases = [case.only(alert) for case in SHORTER if case.expectations(alert)]
    texts, silent = ALERTS[alert], ALERTS[alert] | {"annotations": {}}
    runs = {
        "second exporter": Run(changed(cases, with_second_exporter_and_unusual_names), alert, [texts]),
        "new instance": Run(changed(cases, with_new_instances), alert, [silent]),
    }
    assert set() == failures(tmp_path, runs)


@pytest.mark.parametrize("path", sorted({case.path for case in WITHOUT_ALERTS}), ids=lambda path: path.stem)
def test_additional_exporters_and_unusual_names_change_no_recorded_value(path: Path, tmp_path: Path) -> None:
    cases = [case for case in WITHOUT_ALERTS if case.path == path]
    assert set() == failures(tmp_path, {change.__name__: Run(changed(cases, change)) for change in CHANGES})


def test_rule_that_compares_series_of_one_exporter_is_detected(tmp_path: Path) -> None:
    """It takes the median of each series, and a new exporter starts one when the provider is slow already."""
    alert = "OpenRouterProviderLatencyHigh"
    series = 'openrouter_analytics_p99_latency_seconds{query="performance_by_provider",provider!="other"}'
    median = f"max by (account, provider) (quantile_over_time(0.5, {series}[1d]))"
    before, _, rest = ALERTS[alert]["expr"].partition("quantile_over_time(")
    weaker = ALERTS[alert] | {"expr": before + median + rest.partition("[1d:5m]\n  )")[2], "annotations": {}}
    cases = [case.only(alert) for case in CASES if case.fires(alert) and "exporter" not in case.name]
    of_one = {"one": Run(changed(cases, without_texts), alert, [weaker])}
    of_new = {"new": Run(changed(cases, with_new_instances), alert, [weaker])}
    assert (set(), True) == (failures(tmp_path, of_one), bool(failures(tmp_path, of_new)))
