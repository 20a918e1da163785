"""Panels show the right values: their expressions are evaluated on series with simple sums."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.boards import BOARDS, panels
from tests.dashboards.expressions import expressions_of
from tests.dashboards.test_expressions import needs_promtool

pytestmark = [needs_promtool, pytest.mark.slow]

HOUR = 3600
# The tests' clock begins with 1970. At noon of its third day the latest completed day is the second, a 2nd of 31.
NOON = 60
SECOND = 24 * HOUR
KEY = '{account="a",key="k"'


def expression(dashboard: str, panel: str, query: int = 0, **chosen: str) -> str:
    """Return one query of a panel, for the latest day if it has a window, with these variables."""
    board = BOARDS[dashboard]
    result = next(candidate for candidate in panels(board) if candidate["title"] == panel)
    alone = {**board, "panels": [{**result, "targets": [result["targets"][query]]}]}
    return next(expressions_of(dashboard, alone, **chosen)).expression


def usage(window: str, measure: str, **values: float) -> list[tuple[str, float]]:
    """Return a measure of models as two exporters publish it: a pod and its successor."""
    return [
        (f'openrouter_{window}_{measure}{{account="a",model="{model}",instance="{instance}"}}', value)
        for model, value in values.items()
        for instance in ("old", "new")
    ]


SERIES = [
    *usage("activity", "usage_usd", large=30, small=2),
    *usage("activity", "byok_usage_usd", large=8, small=0),
    *usage("activity", "prompt_tokens", large=1_500_000, small=100_000),
    *usage("activity", "completion_tokens", large=300_000, small=100_000),
    *usage("activity", "cached_tokens", large=400_000, small=0),
    *usage("activity", "requests", large=900, small=100),
    *usage("activity_7d", "usage_usd", large=70, small=14),
    *usage("activity_7d", "byok_usage_usd", large=28, small=0),
    *usage("activity_month_to_date", "usage_usd", large=30, small=6),
    *usage("activity_month_to_date", "byok_usage_usd", large=4, small=0),
    ('openrouter_activity_day_timestamp_seconds{account="a",instance="old"}', SECOND),
    ('openrouter_activity_day_timestamp_seconds{account="a",instance="new"}', SECOND),
    *usage("today", "usage_usd", large=9, small=1),
    *usage("today", "byok_usage_usd", large=4, small=0),
    ('openrouter_today_timestamp_seconds{account="a",instance="old"}', 48 * HOUR),
    ('openrouter_credits_balance_usd{account="a",instance="old"}', 48),
    *(
        (f'openrouter_budget_{name}{{account="a",budget="month",period="month",instance="old"}}', value)
        for name, value in (
            ("spent_usd", 40),
            ("limit_usd", 400),
            ("period_start_timestamp_seconds", 0),
            ("period_end_timestamp_seconds", 31 * 24 * HOUR),
        )
    ),
    *(
        (f'openrouter_spend_{period}_usd{{account="a",paid_by="{paid}",instance="{instance}"}}', value)
        for period, paid, value in (("today", "credits", 9), ("today", "own_keys", 5), ("month", "credits", 40))
        for instance in ("old", "new")
    ),
    ('openrouter_up{account="a",instance="old"}', 0),
    ('openrouter_up{account="b",instance="old"}', 1),
    ('openrouter_calling_key_is_management{account="a",instance="old"}', 1),
    ('openrouter_exporter_config_last_reload_successful{instance="old"}', 1),
    ('up{instance="old"}', 1),
    ('up{instance="new"}', 0),
    (f'openrouter_key_limit_usd{KEY},instance="old"}}', 20),
    (f'openrouter_key_limit_used_usd{KEY},instance="old"}}', 15),
    (f'openrouter_key_info{KEY},name="nightly",workspace="w",limit_reset="monthly",instance="old"}}', 1),
    (f'openrouter_key_info{KEY},name="weekly",workspace="w",limit_reset="monthly",instance="new"}}', 1),
]


def evaluated(tmp_path: Path, expression: str, expected: float, series: list[dict[str, str]], hour: int = NOON) -> str:
    """Return promtool's complaints about the sum of an expression at an hour, evaluated at noon."""
    at = f"last_over_time((sum({expression}))[1m:1m] @ {hour * HOUR})"
    test = {
        "expr": f"round({at}, 0.0001)",
        "eval_time": f"{NOON}h",
        "exp_samples": [{"labels": "{}", "value": expected}],
    }
    content: dict[str, Any] = {
        "rule_files": [],
        "evaluation_interval": "1h",
        "tests": [{"interval": "5m", "input_series": series, "promql_expr_test": [test]}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def constant(series: list[tuple[str, float]]) -> list[dict[str, str]]:
    """Return series that never change."""
    return [{"series": name, "values": f"{value}x{NOON * 12}"} for name, value in series]


@pytest.mark.parametrize(
    ("dashboard", "panel", "expected"),
    [
        ("overview", "Latest day", 40),
        ("overview", "Month projected", 40 / 2 * 31),
        ("overview", "Price by model (${window:text})", 38 / 1.8 + 2 / 0.2),
        ("overview", "Endpoints by spend", 40),
        ("endpoint", "Spend", 40),
        ("endpoint", "USD per request", 0.04),
        ("endpoint", "USD per 1M tokens", 20),
        ("endpoint", "Cache hits", 0.25),
        ("overview", "Spent today", 14),
        ("overview", "This month", 40),
        ("overview", "Budget used", 0.1),
        ("overview", "Credit lasts for", 3),
        # One target is down, and one account fails.
        ("health", "Exporter", 2),
        ("health", "Accounts failing", 1),
        ("budget", "Spent today", 14),
        ("budget", "Usual day", 16),
        ("budget", "Today vs usual", 14 / (16 / 2)),
        # 10 of credits until noon and half of the 7-day mean of 12 make 16 a day: 48 last for 3 days.
        ("budget", "Credits per day", 16),
        ("budget", "Credit lasts for", 3),
        ("budget", "Budget used", 0.1),
        ("budget", "Budget projected", 0.1 * 31 / 2.5),
        ("budget", "Limits used most", 0.75),
    ],
)
def test_panel_shows_the_right_value(dashboard: str, panel: str, expected: float, tmp_path: Path) -> None:
    """Two exporters publish the account, and a key has two names."""
    text = expression(dashboard, panel)
    assert "" == evaluated(tmp_path, text, round(expected, 4), constant(SERIES))


def test_month_is_projected_by_the_exporter_after_four_weeks(tmp_path: Path) -> None:
    """The budgets of the account use the same projection."""
    expected = ('openrouter_spend_month_expected_usd{account="a",instance="new"}', 600.0)
    assert "" == evaluated(tmp_path, expression("overview", "Month projected"), 600, constant([*SERIES, expected]))


def test_wrong_value_is_detected(tmp_path: Path) -> None:
    """It shows that the test above can fail."""
    assert "" != evaluated(tmp_path, expression("overview", "Latest day"), 41, constant(SERIES))


@pytest.mark.parametrize(("panel", "expected"), [("Latest day", 1.5), ("Spent today", 0.4)])
def test_change_is_against_the_period_before(panel: str, expected: float, tmp_path: Path) -> None:
    """The latest day cost 10 after 4. Today cost 7 so far, and 5 by this hour a week ago."""
    series = [
        {"series": 'openrouter_activity_usage_usd{account="a",model="m"}', "values": "4x500 10x432"},
        {"series": 'openrouter_spend_today_usd{account="a",paid_by="credits"}', "values": "5x20 7x8640"},
    ]
    text = expression("overview", panel, 1).replace("7d", "59h")
    assert "" == evaluated(tmp_path, text, expected, series)


@pytest.mark.parametrize(("panel", "expected"), [("Latest day", 1), ("7 days", 0.5)])
def test_change_is_against_a_mean_until_there_is_a_period_before(panel: str, expected: float, tmp_path: Path) -> None:
    """The exporter was started an hour ago, with a day of 10, 7 days of 35 and 30 days of 100."""
    series = [
        {"series": f'openrouter_{window}_usage_usd{{account="a",model="m"}}', "values": f"_x708 {value}x24"}
        for window, value in (("activity", 10), ("activity_7d", 35), ("activity_30d", 100))
    ]
    assert "" == evaluated(tmp_path, expression("overview", panel, 1), expected, series)


def test_table_of_changes_has_increased_decreased_new_and_gone_models(tmp_path: Path) -> None:
    """7 days are compared with a mean week of the 23 before."""
    days = {"more": (10, 33), "less": (3, 26), "new": (5, 5), "gone": (None, 23)}
    series = constant(
        [
            (f'openrouter_{window}_usage_usd{{account="a",model="{model}"}}', value)
            for model, values in days.items()
            for window, value in zip(("activity_7d", "activity_30d"), values, strict=True)
            if value is not None
        ]
    )
    text = expression("overview", "Models whose spend changed most")
    for model, expected in {"more": 3, "less": -4, "new": 5, "gone": -7}.items():
        of_model = text.replace('account=~".*"', f'account=~".*", model="{model}"')
        assert "" == evaluated(tmp_path, of_model, expected, series)


def test_model_has_the_name_of_completed_days_today(tmp_path: Path) -> None:
    """The API for today returns the dated name. A model without usage in 30 days keeps it."""
    labels = 'account="a",model="openai/gpt-5",model_permaslug="openai/gpt-5-2025"'
    series = [
        {"series": f'openrouter_activity_endpoint_info{{{labels},endpoint_id="{number}"}}', "values": f"1x{NOON * 12}"}
        for number in (1, 2)
    ]
    series += constant(
        [
            ('openrouter_today_usage_usd{account="a",model="openai/gpt-5-2025",provider="x"}', 3),
            ('openrouter_today_usage_usd{account="a",model="new-2025",provider="x"}', 2),
        ]
    )
    text = expression("budget", "Today by model").replace(" @ end()", "")
    for model, expected in {"openai/gpt-5": 3, "new-2025": 2}.items():
        of_model = f'label_replace({text}, "shown", "{model}", "model", "{model}")'
        chosen = f'({of_model}) and on (shown) label_replace(vector(1), "shown", "{model}", "", "")'
        assert "" == evaluated(tmp_path, chosen, expected, series)


def test_credits_per_day_without_today_is_the_mean(tmp_path: Path) -> None:
    """The collector of today may be disabled."""
    series = constant([series_ for series_ in SERIES if "_today_" not in series_[0]])
    assert "" == evaluated(tmp_path, expression("budget", "Credits per day"), 12, series)


def _daily(*values: str) -> list[dict[str, str]]:
    """Return the gauge of the latest day, with a sample every 5 minutes."""
    labels = '{account="a",model="m"}'
    return [{"series": f"openrouter_activity_usage_usd{labels}", "values": " ".join(values)}]


@pytest.mark.parametrize(
    ("hour", "expected"),
    [(0, 5), (24, 7)],
    ids=["the first day", "the second day, which goes on"],
)
def test_bar_is_at_its_day(hour: int, expected: float, tmp_path: Path) -> None:
    """Day 1 is published from 00:30 of day 2 to 00:30 of day 3, then day 2. It is now noon of day 3."""
    series = _daily("_x293", "5x287", "7x137")
    text = expression("overview", "Spend by model")
    assert "" == evaluated(tmp_path, text, expected, series, hour)


@pytest.mark.parametrize(
    ("hour", "expected"), [(0, 3), (24, 2)], ids=["a day without the largest models", "a day with them"]
)
def test_all_others_are_the_spend_without_the_largest_models(hour: int, expected: float, tmp_path: Path) -> None:
    """Eight models cost 10 on the second day only; a ninth costs 3, then 2."""
    name = 'openrouter_activity_usage_usd{account="a",model="%s"}'
    series = [{"series": name % f"large-{number}", "values": "_x580 10x137"} for number in range(8)]
    series.append({"series": name % "small", "values": "_x293 3x286 2x137"})
    assert "" == evaluated(tmp_path, expression("overview", "Spend by model", 1), expected, series, hour)


def test_bar_survives_an_outage(tmp_path: Path) -> None:
    """An exporter that is down at the end of the day has published enough samples."""
    series = _daily("_x293", "5x100", "_x300")
    assert "" == evaluated(tmp_path, expression("overview", "Spend by model"), 5, series, 0)


def test_change_of_labels_does_not_double_a_bar(tmp_path: Path) -> None:
    """An exporter that begins to split by workspace at noon publishes a day under two label sets in turn."""
    series = [
        {"series": 'openrouter_activity_usage_usd{account="a",model="m"}', "values": "_x293 5x100 stale"},
        {
            "series": 'openrouter_activity_usage_usd{account="a",model="m",workspace_id="w"}',
            "values": "_x394 5x180",
        },
    ]
    assert "" == evaluated(tmp_path, expression("overview", "Spend by model"), 5, series, 0)
