"""Every expression is valid PromQL, and the exporter declares every metric in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exporter.commands.reference import metrics_reference
from tests.dashboards.boards import BOARDS, Board, targets, variables
from tests.dashboards.expressions import Expression, expressions, expressions_of
from tests.rules.shipped import RECORDED

# What Prometheus itself makes.
FOREIGN = {"up", "ALERTS"}
# A family's name is followed by a parenthesis, a comma or a brace of its own matchers.
_METRIC = re.compile(r"\b((?:openrouter|process|python)_[a-z0-9_]+)\b")
_RULE = re.compile(r"\b\w+:openrouter_\w+:\w+")
_PATTERN = re.compile(r'__name__=~"([^"]+)"')

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true", reason="promtool isn't installed"
)


def declared() -> set[str]:
    """Return the name of every series that the exporter can publish."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+)", metrics_reference(), re.MULTILINE)
    buckets = {f"{name}{end}" for name, kind in rows if kind == "histogram" for end in ("_bucket", "_sum", "_count")}
    return {name for name, _ in rows} | buckets


def unknown(expression: str, names: set[str]) -> set[str]:
    """Return the metrics in an expression that are not declared. Each alternative of a pattern must match one."""
    result = set()
    for pattern in _PATTERN.findall(expression):
        if not any(re.fullmatch(pattern, name) for name in names):
            result.add(pattern)
    plain = _RULE.sub(lambda rule: "" if rule[0] in RECORDED else rule[0], re.sub(r'"[^"]*"', '""', expression))
    return result | {name for name in _METRIC.findall(plain) if name not in names}


def _checked(tmp_path: Path, expressions: list[str]) -> subprocess.CompletedProcess[str]:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")  # JSON is YAML
    return subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)


@pytest.mark.slow
@needs_promtool
def test_every_expression_is_valid_promql(tmp_path: Path) -> None:
    """Windows have each of their values."""
    texts = sorted({expression.expression for expression in expressions()})
    done = _checked(tmp_path, texts)
    assert f"SUCCESS: {len(texts)} rules found" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
@needs_promtool
def test_invalid_promql_is_rejected(tmp_path: Path) -> None:
    """It shows that the test above can fail."""
    assert 0 != _checked(tmp_path, ["sum by (model (openrouter_up)"]).returncode


@pytest.mark.parametrize("name", BOARDS)
def test_every_metric_is_declared(name: str) -> None:
    names = declared() | FOREIGN
    assert len(names) > 60
    result = {
        metric
        for panel_expression in expressions_of(name, BOARDS[name])
        for metric in unknown(panel_expression.expression, names)
    }
    assert set() == result


@pytest.mark.parametrize("name", BOARDS)
def test_variables_query_declared_metrics(name: str) -> None:
    """The picker would be empty otherwise."""
    queries = [
        str(variable["query"]["query"]) for variable in variables(BOARDS[name]).values() if variable["type"] == "query"
    ]
    assert [] != queries
    assert set() == {metric for query in queries for metric in unknown(query, declared())}


def test_undeclared_metric_is_detected() -> None:
    """It may be a name, a pattern, or contain a window."""
    names = {"openrouter_up"}
    assert {"openrouter_down"} == unknown("max(openrouter_down{}) + openrouter_up", names)
    assert {"openrouter_(a|b)"} == unknown('sum({__name__=~"openrouter_(a|b)"})', names)
    assert set() == unknown('{__name__=~"openrouter_(up|down)"}', names)


def _dashboard(expression: str, **more: object) -> Board:
    target = {"expr": expression, "instant": True}
    window = {"name": "window", "options": [{"value": "activity"}, {"value": "activity_7d"}]}
    panel = {"type": "stat", "title": "A", "targets": [target], **more}
    return {"panels": [panel], "templating": {"list": [window]}}


def test_variables_are_substituted() -> None:
    """A window has each of its values, and other variables have the selected value or match everything."""
    board = _dashboard('openrouter_${window}_requests{account=~"$account", model=~"$model"}')
    assert [
        Expression("x", "A", 'openrouter_activity_requests{account=~"a", model=~".*"}', 0),
        Expression("x", "A", 'openrouter_activity_7d_requests{account=~"a", model=~".*"}', 0),
    ] == list(expressions_of("x", board, account="a"))


def test_no_variable_is_left_in_any_expression() -> None:
    """`$1` is a group of label_replace."""
    assert [] == [expression for expression in expressions() if re.search(r"\$(?!\d\b)", expression.expression)]


def test_every_query_has_an_expression_per_window() -> None:
    queries = [target["expr"] for board in BOARDS.values() for _, target in targets(board)]
    windows = 4
    expected = sum(windows if "${window}" in query else 1 for query in queries)
    assert expected == len(list(expressions()))


def test_range_is_aligned_to_the_step_as_in_grafana() -> None:
    """Bars of days are at midnight UTC."""
    assert (86_400.0, 3 * 86_400.0) == Expression("x", "A", "1", 86_400).times(3.5 * 86_400)
