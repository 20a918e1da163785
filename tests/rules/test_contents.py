"""What is shipped hangs together: rules, their tests, runbooks, metrics."""

from __future__ import annotations

import re

import pytest

from exporter.commands.reference import metrics_reference
from exporter.config.fields import keys_of
from exporter.config.thresholds import Thresholds
from exporter.polling.threshold_metrics import threshold_name
from tests.rules.shipped import ALERTS, CASES, FOLDER, RECORDED, ROOT, RULE_FILES, RULES, RUNBOOKS, content, metrics

# Families whose names come from the configuration (collector `analytics`).
FREE_OF_FORM = ("openrouter_analytics_",)

URL = "https://github.com/openrouter-exporter/openrouter-exporter/blob/main/"
SEVERITIES = {"critical", "warning", "info"}
_OURS = {"model", "provider", "endpoint_id", "workspace_id", "key", "user_id"}

by_alert = pytest.mark.parametrize("name", ALERTS)
by_record = pytest.mark.parametrize("name", RECORDED)


def expressions() -> list[str]:
    """Every expression of every rule."""
    return [rule["expr"] for rule in RULES]


def declared() -> dict[str, set[str]]:
    """Every family with its labels."""
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*)\|", metrics_reference(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


@by_alert
def test_an_alert_is_tested_where_it_fires(name: str) -> None:
    """With labels and annotations, which promtool compares word for word."""
    assert [case.name for case in CASES if case.fires(name)]


@by_alert
def test_an_alert_is_tested_where_it_must_not_fire(name: str) -> None:
    """In a case that never fires, not only before `for` is over."""
    assert [case.name for case in CASES if case.is_quiet(name)]


@by_record
def test_a_recorded_rule_has_a_value_in_a_test(name: str) -> None:
    """A number, not only the absence of one."""
    samples = [each for case in CASES for each in case.body.get("promql_expr_test", []) if each["expr"] == name]
    assert any(each["exp_samples"] for each in samples)


@by_record
def test_a_recorded_rule_is_named_level_metric_operation(name: str) -> None:
    """Three parts; the level names the labels that are left, the metric begins as ours do."""
    level, metric, operation = name.split(":")
    assert re.fullmatch(r"account(_model|_provider|_days_ago)?", level)
    assert metric.startswith("openrouter_")
    assert operation


def test_no_case_is_named_twice() -> None:
    """Promtool's report names the file and the case."""
    names = [(case.path.stem, case.name) for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_no_rule_is_named_twice() -> None:
    """Neither an alert nor a recorded series."""
    assert len(RULES) == len(ALERTS) + len(RECORDED)


@by_alert
def test_an_alert_says_what_it_must(name: str) -> None:
    """A severity, a static summary, a description, a runbook and a time to wait; nothing else."""
    alert = ALERTS[name]
    notes = alert["annotations"]
    assert name.startswith("OpenRouter")
    assert {"severity"} == set(alert["labels"])
    assert alert["labels"]["severity"] in SEVERITIES
    assert {"summary", "description", "runbook_url"} == set(notes)
    assert "{" not in notes["summary"]
    assert f"{URL}docs/runbooks/{name}.md" == notes["runbook_url"]
    assert "for" in alert


@by_alert
def test_a_description_names_the_account_or_the_instance(name: str) -> None:
    """But for the alert that has no labels, because nothing is there."""
    description = ALERTS[name]["annotations"]["description"]
    subject = "{{ $labels.account }}" in description or "{{ $labels.instance }}" in description
    assert subject == (name != "OpenRouterExporterAbsent")


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """Beside the table of them all."""
    assert sorted(ALERTS) == sorted(page.stem for page in RUNBOOKS.glob("*.md") if page.stem != "README")


def test_the_table_of_runbooks_says_what_the_alerts_say() -> None:
    """Severity and summary, row by row."""
    expected = [
        f"| [{name}]({name}.md) | {alert['labels']['severity']} | {alert['annotations']['summary']} |"
        for name, alert in ALERTS.items()
    ]
    table = (RUNBOOKS / "README.md").read_text(encoding="utf-8").splitlines()
    assert sorted(expected) == sorted(line for line in table if line.startswith("| [OpenRouter"))


@by_alert
def test_a_runbook_names_its_thresholds(name: str) -> None:
    """By the configuration's keys, so that they are found there."""
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    named = {key for key in keys_of(Thresholds) if f"thresholds.{key}`" in page}
    assert {key for key in keys_of(Thresholds) if threshold_name(key) in metrics(ALERTS[name]["expr"])} == named


def test_every_threshold_is_used() -> None:
    """One that no alert compares with would do nothing."""
    used = {name for expression in expressions() for name in metrics(expression)}
    assert [] == [key for key in keys_of(Thresholds) if threshold_name(key) not in used]


def test_every_metric_exists() -> None:
    """What the rules name is declared, or its name comes from the configuration."""
    used = {name for expression in expressions() for name in metrics(expression)}
    assert len(used) > 40
    unknown = used - set(declared())
    assert [] == sorted(name for name in unknown if not name.startswith(FREE_OF_FORM))


def test_every_recorded_series_that_is_used_exists() -> None:
    """A name with colons is one of the recorded."""
    used = {name for expression in expressions() for name in re.findall(r"\b\w+:\w+:\w+", expression)}
    assert set() == used - set(RECORDED)


def test_sums_leave_no_label_of_usage_behind() -> None:
    """What `sum without` leaves tells exporters apart: a label of ours among it would hide a part of the sum."""
    usage = {name: labels for name, labels in declared().items() if "endpoint_id" in labels}
    assert set() == {label for labels in usage.values() for label in labels} - _OURS - {"account", "model_permaslug"}
    summed = re.compile(r"max by \(([^)]*)\) \(\s*sum without \(([^)]*)\)\s*\(\s*(?:{__name__=~\")?openrouter_activity")
    found = [levels for expression in expressions() for levels in summed.findall(expression)]
    assert len(found) > 20
    for kept, left_out in found:
        assert _OURS - set(kept.split(", ")) == set(left_out.split(", "))


def test_the_whole_configuration_scrapes_as_the_example_does() -> None:
    """One source: scrape.yaml."""
    whole = content(FOLDER / "prometheus.yaml")
    assert content(FOLDER / "scrape.yaml")["scrape_configs"] == whole["scrape_configs"]


def test_the_whole_configuration_loads_every_rule() -> None:
    """By the pattern that it names."""
    (pattern,) = content(FOLDER / "prometheus.yaml")["rule_files"]
    assert sorted(RULE_FILES) == sorted(FOLDER.glob(pattern))


def test_runbooks_are_below_the_documentation() -> None:
    """Where `runbook_url` looks for them."""
    assert ROOT / "docs/runbooks" == RUNBOOKS
