"""Every example in the documentation works: configurations load, and commands parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from exporter.collectors.registry import SECTION
from exporter.config.load import parse
from exporter.options import parse as parse_options
from exporter.web.web_config import read_web_configuration
from tests.docs.conftest import Promtool
from tests.docs.pages import ROOT, blocks
from tests.web.certificates import certificates_in

KEY = "sk-or-v1-demo"
YAML = blocks("yaml")
# Files of other programs: tests/servers run some, tests/chart render values; nothing here reads them.
OF_PROMETHEUS = ("prometheus", "agent", "mimir", "newrelic")
OTHERS = ("kube-rbac-proxy", "otelcol", "otelcol-scraped", "datadog", "nri-prometheus", "values")
KINDS = ("config", "accounts", "web", "alerts", *OF_PROMETHEUS)


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    """Parametrize a test with the blocks whose first line names a file of this kind."""
    firsts = tuple(f"# {kind}.yaml\n" for kind in kinds)
    matching = [(name, body) for name, body in YAML if body.startswith(firsts)]
    assert matching
    return pytest.mark.parametrize("text", [body for _, body in matching], ids=[name for name, _ in matching])


def commands() -> list[str]:
    """Return every command line of the exporter, without shell syntax."""
    lines = [line for _, body in blocks("bash") for line in body.splitlines()]
    return [line for line in lines if re.match(r"(\w+=\S+ )*(\S*/)?openrouter-exporter\b", line)]


def test_first_line_of_every_yaml_block_names_its_file() -> None:
    """The other tests select blocks by it, and readers see where to paste them."""
    firsts = tuple(f"# {kind}.yaml\n" for kind in (*KINDS, *OTHERS))
    assert [] == [name for name, body in YAML if not body.startswith(firsts)]


@of_kind("config")
def test_example_configuration_loads(text: str, tmp_path: Path) -> None:
    """The keys that it names exist here."""
    environment = dict.fromkeys(re.findall(r"api_key_env: (\w+)", text), KEY)
    for name in re.findall(r"api_key_file: ([\w./-]+)", text):
        (tmp_path / name).write_text(KEY, encoding="utf-8")
    assert parse(text, "config.yaml", environment, tmp_path, collectors=SECTION).accounts


@of_kind("accounts")
def test_example_account_file_loads(text: str, tmp_path: Path) -> None:
    """The keys that it names exist here."""
    environment = dict.fromkeys(re.findall(r"api_key_env: (\w+)", text), KEY)
    for name in re.findall(r"api_key_file: ([\w./-]+)", text):
        (tmp_path / name).write_text(KEY, encoding="utf-8")
    (tmp_path / "accounts.yaml").write_text(text, encoding="utf-8")
    loaded = parse("account_files: [accounts.yaml]", "config.yaml", environment, tmp_path, collectors=SECTION)
    assert loaded.accounts
    assert not loaded.mistakes


@of_kind("web")
def test_example_web_configuration_loads(text: str, tmp_path: Path) -> None:
    """The certificates that it names exist here."""
    pytest.importorskip("bcrypt")
    certificates_in(tmp_path)
    path = tmp_path / "web.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_web_configuration(path).tls is not None


@pytest.mark.slow
@of_kind(*OF_PROMETHEUS)
def test_promtool_accepts_the_prometheus_configuration(text: str, tmp_path: Path, promtool: Promtool) -> None:
    path = tmp_path / "prometheus.yaml"
    path.write_text(text, encoding="utf-8")
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", path)


@pytest.mark.slow
def test_promtool_accepts_the_scrape_example(promtool: Promtool, tmp_path: Path) -> None:
    """This includes the parts that are commented out."""
    example = ROOT / "config/prometheus/scrape.yaml"
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", example)
    with_tls = re.sub(r"(?m)^    # (?!With )", "    ", example.read_text(encoding="utf-8"))
    assert "https" == yaml.safe_load(with_tls)["scrape_configs"][0]["scheme"]
    path = tmp_path / "scrape.yaml"
    path.write_text(with_tls, encoding="utf-8")
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", path)


@pytest.mark.parametrize("line", commands())
def test_example_command_has_only_known_options(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0], comments=True)  # a file for the output is the shell's
    program = next(number for number, word in enumerate(words) if word.endswith("openrouter-exporter"))
    assert words[program + 1] == parse_options(words[program + 1 :], {}).command
