"""The chart's README, and the notes after an installation."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.chart.programs import needs, run
from tests.chart.rendering import CHART, FULLNAME, VARIANTS, merged, notes, render, the, values_of
from tests.docs.pages import Page

README = Page(CHART / "README.md")


def promql(text: str) -> list[str]:
    """Return the expressions in the notes."""
    block = re.search(r"in PromQL:\n\n((?:  .+\n?)+)", text)
    assert block
    return [line.strip() for line in block[1].splitlines()]


@pytest.mark.parametrize("variant", VARIANTS)
def test_notes_have_a_working_port_forward(variant: str) -> None:
    """The command has the actual service, namespace and port."""
    values = values_of(variant)
    (command,) = [line.strip() for line in notes(values).splitlines() if "port-forward" in line]
    service = the("Service", render(values))
    expected = ["--namespace", service["metadata"]["namespace"], "port-forward", f"service/{FULLNAME}"]
    assert ["kubectl", *expected, f"10063:{service['spec']['ports'][0]['port']}"] == shlex.split(command)


@needs("promtool")
def test_promql_of_the_notes_is_valid(tmp_path: Path) -> None:
    expressions = promql(notes(values_of("existing-secret")))
    rules = [{"record": f"first_{number}", "expr": text} for number, text in enumerate(expressions)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "notes", "rules": rules}]}), encoding="utf-8")
    assert "2 rules found" in run("promtool", "check", "rules", path)


def test_notes_count_byok_usage_as_spend() -> None:
    """Rules, dashboards and the landing page do too."""
    _, spend = promql(notes(values_of("existing-secret")))
    assert "byok" in spend


def test_notes_list_remaining_steps() -> None:
    """They are to scrape the exporter without a monitor, and to create a Secret that is named."""
    plain, monitored = notes(values_of("existing-secret")), notes(values_of("monitoring"))
    assert f"http://{FULLNAME}.monitoring.svc:10063/metrics" in plain
    assert "Prometheus does not scrape it" not in monitored
    assert "Secret openrouter." in plain
    assert "Keys are read" not in notes(values_of("inline"))


def test_notes_contain_no_key() -> None:
    """Notes end up in the logs of pipelines."""
    assert "sk-or" not in notes(values_of("inline")) + notes(values_of("accounts"))


def test_values_in_the_readme_render() -> None:
    blocks = README.blocks("yaml")
    assert blocks
    assert all(render(yaml.safe_load(block)) for block in blocks)


def test_options_in_the_readme_render() -> None:
    """Each --set of a command is applied after the values before it."""
    options = re.findall(r"--set (\S+)=(\S+)", README.text)
    assert {"demo.enabled", "existingSecret"} == {path for path, _ in options}
    for path, text in options:
        values: dict[str, object] = {path.rpartition(".")[2]: yaml.safe_load(text)}
        assert render(merged({}, {path.partition(".")[0]: values} if "." in path else values))


def test_every_value_has_a_description_in_the_readme() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| .* \|(.*)\|$", README.text.partition("## Values")[2], re.MULTILINE)
    assert {key.partition(".")[0] for key, _ in rows} == set(yaml.safe_load((CHART / "values.yaml").read_text("utf-8")))
    assert [] == [key for key, meaning in rows if not meaning.strip()]
