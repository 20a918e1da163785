"""The README and the notes after an installation."""

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
    """The expressions of the notes."""
    block = re.search(r"in PromQL:\n\n((?:  .+\n?)+)", text)
    assert block
    return [line.strip() for line in block[1].splitlines()]


@pytest.mark.parametrize("variant", VARIANTS)
def test_notes_have_a_working_port_forward(variant: str) -> None:
    """By a command that names service, namespace and port as they are."""
    values = values_of(variant)
    (command,) = [line.strip() for line in notes(values).splitlines() if "port-forward" in line]
    service = the("Service", render(values))
    expected = ["--namespace", service["metadata"]["namespace"], "port-forward", f"service/{FULLNAME}"]
    assert ["kubectl", *expected, f"10063:{service['spec']['ports'][0]['port']}"] == shlex.split(command)


@needs("promtool")
def test_promql_of_the_notes_is_valid(tmp_path: Path) -> None:
    """Prometheus takes each expression of the notes."""
    expressions = promql(notes(values_of("existing-secret")))
    rules = [{"record": f"first_{number}", "expr": text} for number, text in enumerate(expressions)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "notes", "rules": rules}]}), encoding="utf-8")
    assert "2 rules found" in run("promtool", "check", "rules", path)


def test_notes_count_own_provider_keys_as_spend() -> None:
    """As rules, dashboards and page do."""
    _, spend = promql(notes(values_of("existing-secret")))
    assert "byok" in spend


def test_notes_list_remaining_steps() -> None:
    """To be scraped, unless a monitor sees to it; to make the Secret, if one is named."""
    plain, monitored = notes(values_of("existing-secret")), notes(values_of("monitoring"))
    assert f"http://{FULLNAME}.monitoring.svc:10063/metrics" in plain
    assert "Prometheus does not scrape it" not in monitored
    assert "Secret openrouter." in plain
    assert "Keys are read" not in notes(values_of("inline"))


def test_notes_contain_no_key() -> None:
    """They end up in the logs of pipelines."""
    assert "sk-or" not in notes(values_of("inline")) + notes(values_of("accounts"))


def test_the_readmes_values_work() -> None:
    """Each block of YAML, as it stands."""
    blocks = README.blocks("yaml")
    assert blocks
    assert all(render(yaml.safe_load(block)) for block in blocks)


def test_the_readmes_options_work() -> None:
    """Each --set of its commands, with the values before it."""
    options = re.findall(r"--set (\S+)=(\S+)", README.text)
    assert {"demo.enabled", "existingSecret"} == {path for path, _ in options}
    for path, text in options:
        values: dict[str, object] = {path.rpartition(".")[2]: yaml.safe_load(text)}
        assert render(merged({}, {path.partition(".")[0]: values} if "." in path else values))


def test_every_value_is_explained() -> None:
    """No line of the table without its third column."""
    rows = re.findall(r"^\| `([\w.]+)` \| .* \|(.*)\|$", README.text.partition("## Values")[2], re.MULTILINE)
    assert {key.partition(".")[0] for key, _ in rows} == set(yaml.safe_load((CHART / "values.yaml").read_text("utf-8")))
    assert [] == [key for key, meaning in rows if not meaning.strip()]
