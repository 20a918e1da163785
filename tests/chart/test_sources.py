"""Rules, dashboards and the configuration's schema in the chart are those of the repository, and not copies."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import yaml
from helm_python import package

from exporter.commands.rules import rule_file
from helm import values_schema
from tests.chart.programs import needs, run
from tests.chart.rendering import CHART, ROOT, Values, manifests_of, of_kind, render, the

RULES = sorted((ROOT / "config/prometheus/rules").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "config/grafana/dashboards").glob("*.json"))


def test_files_of_the_chart_are_links() -> None:
    links = {path.name: path.readlink() for path in (CHART / "files").iterdir()}
    config = Path("../../../config")
    assert {"rules": config / "prometheus/rules", "dashboards": config / "grafana/dashboards"} == links


def test_rules_are_rendered_unchanged() -> None:
    """This includes the braces of Prometheus' templates."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    assert groups
    assert groups == the("PrometheusRule", manifests_of("monitoring"))["spec"]["groups"]


def test_rules_with_additional_labels_are_those_that_the_exporter_writes() -> None:
    values = {"existingSecret": "a", "prometheusRule": {"enabled": True, "allocationLabels": ["cost_center", "squad"]}}
    groups = the("PrometheusRule", render(values))["spec"]["groups"]
    expected = yaml.safe_load(rule_file(["team", "cost_center", "squad"]))["groups"]
    assert expected == [group for group in groups if group["name"].startswith("openrouter-allocation")]


def test_labels_of_accounts_and_allocations_are_in_the_configuration() -> None:
    allocations = {"labels": ["team"], "rules": [{"key": "search-.*", "labels": {"team": "search"}}]}
    values: Values = {
        "accounts": [{"name": "prod", "apiKey": "sk-or-v1-test", "labels": {"team": "platform"}}],
        "config": {"allocations": allocations},
    }
    (text,) = (one["data"]["config.yaml"] for one in of_kind("ConfigMap", render(values)) if "data" in one)
    configuration = yaml.safe_load(text)
    assert configuration["accounts"][0]["labels"] == {"team": "platform"}
    assert configuration["allocations"] == allocations


@needs("promtool")
def test_promtool_accepts_the_rendered_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(the("PrometheusRule", manifests_of("monitoring"))["spec"]), encoding="utf-8")
    assert "SUCCESS" in run("promtool", "check", "rules", path)


def test_dashboards_are_rendered_unchanged() -> None:
    """Each is a ConfigMap with the label for which Grafana's sidecar looks."""
    matching = [one for one in of_kind("ConfigMap", manifests_of("monitoring")) if "config.yaml" not in one["data"]]
    expected = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}
    assert expected
    assert expected == {name: json.loads(text) for one in matching for name, text in one["data"].items()}
    assert {"1"} == {one["metadata"]["labels"]["grafana_dashboard"] for one in matching}


def test_package_contains_the_linked_files(tmp_path: Path) -> None:
    archive = Path(package(CHART, destination=tmp_path))
    with tarfile.open(archive) as tar:
        members = {member.name: member for member in tar.getmembers()}
    files = [f"openrouter-exporter/files/rules/{path.name}" for path in RULES]
    files += [f"openrouter-exporter/files/dashboards/{path.name}" for path in DASHBOARDS]
    assert [] == [name for name in files if name not in members or not members[name].isfile()]
    values = {"existingSecret": "a", "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}
    assert render(values) == render(values, archive)


def test_schema_of_the_configuration_is_that_of_the_exporter() -> None:
    """`make docs` copies it."""
    text = values_schema.PATH.read_text(encoding="utf-8")
    assert values_schema.written(values_schema.updated(json.loads(text))) == text


def test_values_and_schema_have_the_same_keys() -> None:
    """Keys of Helm itself are exempt."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads(values_schema.PATH.read_text(encoding="utf-8"))
    assert {*values, "global"} == set(schema["properties"])
