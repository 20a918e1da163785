"""Every query is right and returns something; every alert fires on its fault, and none on a healthy account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.app import Exporter
from exporter.demo import demo_configuration
from exporter.simulator.server import running
from exporter.simulator.service import SimulatorSettings
from tests.docs.conftest import Promtool
from tests.docs.pages import blocks
from tests.support import FakeClock

QUERIES = blocks("promql")
ALERTS = next(body for _, body in blocks("yaml") if body.startswith("# alerts.yaml\n"))
NAMES = [rule["alert"] for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]]

MINUTES = 400
# What makes each alert fire, for 400 minutes that begin in 1970.
FAULTS = {
    "OpenRouterExporterDown": ('up{job="openrouter"}', "0"),
    "OpenRouterPollsFail": ('openrouter_up{account="a"}', "0"),
    "OpenRouterNoSuccess": ('openrouter_collector_last_success_timestamp_seconds{account="a"}', "0"),
    "OpenRouterUsageGone": ('openrouter_collector_series{account="a"}', "0"),
    "OpenRouterDayIsOld": ('openrouter_activity_day_timestamp_seconds{account="a"}', "-216000"),
    "OpenRouterKeyIsOrdinary": ('openrouter_calling_key_is_management{account="a"}', "0"),
    "OpenRouterKeyExpires": ('openrouter_calling_key_expiry_timestamp_seconds{account="a"}', "1200000"),
    "OpenRouterRowsRejected": ('openrouter_exporter_rows_rejected_total{account="a",reason="invalid_date"}', "0+1"),
    "OpenRouterReloadFailed": ("openrouter_exporter_config_last_reload_successful", "0"),
}

Series = list[dict[str, str]]


@pytest.fixture
async def demo() -> Series:
    """What `make demo` serves on one day, as a test of promtool takes it."""
    clock = FakeClock()
    async with running(SimulatorSettings(), clock) as simulator:
        exporter = Exporter(demo_configuration(simulator.url), clock)
        try:
            assert await exporter.poll_once()
            text = exporter.answer("", "", ()).body.decode()
        finally:
            await exporter.close()
    return [
        _constant(
            f"{sample.name}{{{','.join(f'{k}={json.dumps(v)}' for k, v in sample.labels.items())}}}", sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("openrouter_")
    ]


def _constant(series: str, value: float | str) -> dict[str, str]:
    return {"series": series, "values": f"{value}x{MINUTES}"}


def _count(expression: str) -> dict[str, Any]:
    """Promtool's test that an expression returns anything."""
    one = [{"labels": "{}", "value": 1}]
    return {"expr": f"count({expression}) > bool 0", "eval_time": f"{MINUTES}m", "exp_samples": one}


def _tested(tmp_path: Path, promtool: Promtool, series: Series, *tests: dict[str, Any]) -> str:
    (tmp_path / "alerts.yaml").write_text(ALERTS, encoding="utf-8")
    group = {"interval": "1m", "input_series": series, "promql_expr_test": list(tests)}
    path = tmp_path / "test.yaml"
    content = {"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": [group]}
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return promtool("test", "rules", path)


async def test_every_query_returns_something_on_the_demo(tmp_path: Path, promtool: Promtool, demo: Series) -> None:
    """One that is not PromQL, or names a label that isn't there, returns nothing."""
    assert len(QUERIES) > 10
    assert "SUCCESS" in _tested(tmp_path, promtool, demo, *(_count(query) for _, query in QUERIES))


def test_the_alerts_are_rules(tmp_path: Path, promtool: Promtool) -> None:
    """`promtool check rules` counts them all."""
    path = tmp_path / "alerts.yaml"
    path.write_text(ALERTS, encoding="utf-8")
    assert f"SUCCESS: {len(NAMES)} rules found" in promtool("check", "rules", path)


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_on_its_fault(name: str, tmp_path: Path, promtool: Promtool) -> None:
    """After the time that it waits."""
    firing = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    assert "SUCCESS" in _tested(tmp_path, promtool, [_constant(*FAULTS[name])], _count(firing))


async def test_no_alert_fires_on_the_demo(tmp_path: Path, promtool: Promtool, demo: Series) -> None:
    """A healthy account rings no bell."""
    none = {"expr": "ALERTS", "eval_time": f"{MINUTES}m", "exp_samples": []}
    assert "SUCCESS" in _tested(tmp_path, promtool, [*demo, _constant('up{job="openrouter"}', 1)], none)
