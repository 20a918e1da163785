"""Every documented query returns data on the demo, and no shipped alert fires there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.commands.demo import demo_configuration
from exporter.daemon.exporter import Exporter
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.docs.conftest import Promtool
from tests.docs.pages import blocks
from tests.rules.shipped import RULE_FILES
from tests.support import FakeClock

# Those that look back need days of history, and promtool's clock begins in 1970, before any budget's period.
# tests/servers has both, and a list of what is rightly empty, such as budgets that fail.
ELSEWHERE = (" offset ", "account_budget:openrouter_budget_spent_usd:projected", "openrouter_budget_success == 0")
QUERIES = [(name, body) for name, body in blocks("promql") if not any(text in body for text in ELSEWHERE)]
MINUTES = 400

Series = list[dict[str, str]]


@pytest.fixture
async def demo() -> Series:
    """Return one day of what `make demo` serves, as input of a promtool test."""
    clock = FakeClock()
    async with running(SimulatorSettings(), clock) as simulator:
        exporter = Exporter(demo_configuration(simulator.url), clock)
        try:
            assert await exporter.poll_once()
            text = exporter.scrape("", "", ()).body.decode()
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


TARGET = [_constant('up{job="openrouter"}', 1), _constant('openrouter_exporter_build_info{job="openrouter"}', 1)]


def _count(expression: str) -> dict[str, Any]:
    """Return a promtool test that an expression returns data."""
    one = [{"labels": "{}", "value": 1}]
    return {"expr": f"count({expression}) > bool 0", "eval_time": f"{MINUTES}m", "exp_samples": one}


def _tested(tmp_path: Path, promtool: Promtool, series: Series, *tests: dict[str, Any]) -> str:
    group = {"interval": "1m", "input_series": series, "promql_expr_test": list(tests)}
    path = tmp_path / "test.yaml"
    content = {
        "rule_files": [str(rule_file) for rule_file in RULE_FILES],
        "evaluation_interval": "5m",
        "tests": [group],
    }
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return promtool("test", "rules", path)


@pytest.mark.slow
async def test_each_query_returns_data_and_no_alert_fires_on_the_demo(
    tmp_path: Path, promtool: Promtool, demo: Series
) -> None:
    """Both are one run, because evaluating the rules takes longest. promtool names the expression that fails."""
    assert len(QUERIES) > 10
    queries = [_count(query) for _, query in QUERIES]
    no_alert = {"expr": "ALERTS", "eval_time": f"{MINUTES}m", "exp_samples": []}
    assert "SUCCESS" in _tested(tmp_path, promtool, [*demo, *TARGET], *queries, no_alert)
