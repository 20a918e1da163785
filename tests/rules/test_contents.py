"""Rules, their tests, runbooks and metrics agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from exporter.commands.reference import metrics_reference
from exporter.config.fields import keys_of
from exporter.config.thresholds import Thresholds
from exporter.polling.configured_metrics import threshold_name
from tests.rules.shipped import (
    ALERTS,
    CASES,
    FOLDER,
    RECORDED,
    ROOT,
    RULE_FILES,
    RULES,
    RUNBOOKS,
    Tree,
    content,
    metrics,
)

# Families whose names come from the configuration (collector `analytics`).
FREE_OF_FORM = ("openrouter_analytics_",)

URL = "https://github.com/openrouter-exporter/openrouter-exporter/blob/main/"
SEVERITIES = {"critical", "warning", "info"}
_OURS = {"model", "provider", "endpoint_id", "workspace_id", "key", "user_id"}

COLLECTING = [
    path for path in RULE_FILES if path.stem in {"openrouter-alerts-collecting", "openrouter-alerts-exporter"}
]
DASHBOARDS = sorted((ROOT / "config/grafana/dashboards").glob("*.json"))

# They name single keys or models, whose rows are known, or only how many requests a latency is of.
_NOT_ON_TOTALS = {
    "OpenRouterModelLatencyHigh",
    "OpenRouterProviderLatencyHigh",
    "OpenRouterCacheHitsLow",
    "OpenRouterFinishErrorsHigh",
    "OpenRouterModelCostHigh",
    "OpenRouterKeySpendUnusual",
    "OpenRouterKeyAwake",
}

by_alert = pytest.mark.parametrize("name", ALERTS)
by_record = pytest.mark.parametrize("name", RECORDED)


def expressions() -> list[str]:
    """Return every expression of every rule."""
    return [rule["expr"] for rule in RULES]


def declared() -> dict[str, set[str]]:
    """Return every family with its labels."""
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*)\|", metrics_reference(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def _alerts(path: Path) -> list[Tree]:
    return [rule for group in content(path)["groups"] for rule in group["rules"]]


@by_alert
def test_alert_has_a_test_in_which_it_fires(name: str) -> None:
    """promtool compares its labels and annotations exactly."""
    assert [case.name for case in CASES if case.fires(name)]


@by_alert
def test_alert_has_a_test_in_which_it_never_fires(name: str) -> None:
    """Being silent before `for` is over is not enough."""
    assert [case.name for case in CASES if case.is_quiet(name)]


@by_record
def test_recording_rule_has_a_value_in_a_test(name: str) -> None:
    """The absence of a value is not enough."""
    samples = [test for case in CASES for test in case.body.get("promql_expr_test", []) if test["expr"] == name]
    assert any(sample["exp_samples"] for sample in samples)


@by_record
def test_recording_rule_is_named_level_metric_operation(name: str) -> None:
    """The level lists the labels that are left, and the metric has the exporter's prefix."""
    level, metric, operation = name.split(":")
    assert re.fullmatch(
        r"account(_model(_kind|_provider_window)?|_provider|_key|_budget|_days_ago|_part|_team)?|model_(kind|provider_tag)|fleet",
        level,
    )
    assert metric.startswith("openrouter_")
    assert operation


def test_case_names_are_unique() -> None:
    """promtool reports the file and the case."""
    names = [(case.path.stem, case.name) for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_every_group_is_within_the_default_limits_of_mimir() -> None:
    """The limits are 20 rules per group and 70 groups."""
    groups = [group for path in RULE_FILES for group in content(path)["groups"]]
    assert [] == [group["name"] for group in groups if len(group["rules"]) > 20]
    assert len(groups) <= 70


def test_rule_names_are_unique() -> None:
    assert len(RULES) == len(ALERTS) + len(RECORDED)


@by_alert
def test_alert_has_severity_summary_description_runbook_dashboard_and_for(name: str) -> None:
    """It has no other label or annotation, and the summary is static."""
    alert = ALERTS[name]
    notes = alert["annotations"]
    assert name.startswith("OpenRouter")
    assert {"severity"} == set(alert["labels"])
    assert alert["labels"]["severity"] in SEVERITIES
    assert {"summary", "description", "runbook_url", "dashboard_url"} == set(notes)
    assert "{" not in notes["summary"]
    assert f"{URL}docs/runbooks/{name}.md" == notes["runbook_url"]
    assert "for" in alert


@by_alert
def test_description_names_the_account_or_the_instance(name: str) -> None:
    """The alert that fires without series has no labels."""
    description = ALERTS[name]["annotations"]["description"]
    subject = "{{ $labels.account }}" in description or "{{ $labels.instance }}" in description
    assert subject == (name != "OpenRouterExporterAbsent")


@pytest.mark.parametrize("name", [rule["alert"] for path in COLLECTING for rule in _alerts(path)])
def test_alert_on_polling_names_the_exporter(name: str) -> None:
    """Its log and status page can be opened by the instance."""
    description = ALERTS[name]["annotations"]["description"]
    assert ".Labels.instance" in description or "$labels.instance" in description or name == "OpenRouterExporterAbsent"


@by_alert
def test_alert_on_totals_reports_missing_rows(name: str) -> None:
    """A total that lacks rows is too low, and so may be everything computed from it."""
    expression, description = ALERTS[name]["expr"], ALERTS[name]["annotations"]["description"]
    on_totals = re.search(r"(_spend_usd|_requests|_budget_spent_usd|seconds_left)\b", expression) is not None
    if name in _NOT_ON_TOTALS:
        return
    assert on_totals == ("openrouter_collector_rows_rejected" in description)


@by_alert
def test_dashboard_url_names_a_shipped_dashboard(name: str) -> None:
    """It is a path below Grafana's address, with the account or instance selected."""
    path, _, choice = ALERTS[name]["annotations"]["dashboard_url"].partition("?")
    assert path in {f"/d/{json.loads(page.read_text(encoding='utf-8'))['uid']}" for page in DASHBOARDS}
    assert bool(choice) == (name != "OpenRouterExporterAbsent")


@by_alert
def test_description_has_no_unformatted_number(name: str) -> None:
    """Prometheus' `humanize` prints 0.5 as 500m and 4712 as 4.712k. Durations and times are in seconds."""
    description = ALERTS[name]["annotations"]["description"]
    assert not re.search(r"\bhumanize\b", description)
    for function in ("humanizePercentage", "humanizeDuration", "humanizeTimestamp"):
        assert description.count(function) == description.count(f"{function} $value | reReplaceAll")


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The table of runbooks is exempt."""
    assert sorted(ALERTS) == sorted(page.stem for page in RUNBOOKS.glob("*.md") if page.stem != "README")


def test_table_of_runbooks_has_severity_and_summary_of_every_alert() -> None:
    expected = [
        f"| [{name}]({name}.md) | {alert['labels']['severity']} | {alert['annotations']['summary']} |"
        for name, alert in ALERTS.items()
    ]
    table = (RUNBOOKS / "README.md").read_text(encoding="utf-8").splitlines()
    assert sorted(expected) == sorted(line for line in table if line.startswith("| [OpenRouter"))


@by_alert
def test_runbook_names_its_thresholds(name: str) -> None:
    """Their configuration keys lead to them."""
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    named = {key for key in keys_of(Thresholds) if f"thresholds.{key}`" in page}
    assert {key for key in keys_of(Thresholds) if threshold_name(key) in metrics(ALERTS[name]["expr"])} == named


def test_every_threshold_is_used() -> None:
    """A threshold that no alert uses would have no effect."""
    used = {name for expression in expressions() for name in metrics(expression)}
    assert [] == [key for key in keys_of(Thresholds) if threshold_name(key) not in used]


def test_every_metric_exists() -> None:
    """The exporter declares it, or its name comes from the configuration."""
    used = {name for expression in expressions() for name in metrics(expression)}
    assert len(used) > 40
    unknown = used - set(declared())
    assert [] == sorted(name for name in unknown if not name.startswith(FREE_OF_FORM))


def test_every_recorded_series_that_is_used_exists() -> None:
    used = {name for expression in expressions() for name in re.findall(r"\b\w+:\w+:\w+", expression)}
    assert set() == used - set(RECORDED)


def test_sums_cover_every_label_of_usage() -> None:
    """The labels that `sum without` leaves distinguish exporters. One of the exporter's own would split the sum."""
    usage = {name: labels for name, labels in declared().items() if "endpoint_id" in labels}
    assert set() == {label for labels in usage.values() for label in labels} - _OURS - {"account", "model_permaslug"}
    summed = re.compile(r"max by \(([^)]*)\) \(\s*sum without \(([^)]*)\)\s*\(\s*(?:{__name__=~\")?openrouter_activity")
    result = [levels for expression in expressions() for levels in summed.findall(expression)]
    assert len(result) > 20
    for kept, left_out in result:
        assert _OURS - set(kept.split(", ")) == set(left_out.split(", "))


def test_complete_configuration_has_the_scrape_example() -> None:
    whole = content(FOLDER / "prometheus.yaml")
    assert content(FOLDER / "scrape.yaml")["scrape_configs"] == whole["scrape_configs"]


def test_complete_configuration_loads_every_rule_file() -> None:
    (pattern,) = content(FOLDER / "prometheus.yaml")["rule_files"]
    assert sorted(RULE_FILES) == sorted(FOLDER.glob(pattern))


def test_runbooks_are_below_the_documentation() -> None:
    """`runbook_url` refers to that path."""
    assert ROOT / "docs/runbooks" == RUNBOOKS
