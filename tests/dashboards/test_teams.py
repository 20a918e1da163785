"""The bar in place of teams distinguishes new rules from a configuration without teams."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.test_expressions import needs_promtool
from tests.dashboards.test_values import constant, evaluated, expression

pytestmark = [needs_promtool, pytest.mark.slow]

CONFIGURED = ('openrouter_account_info{account="a",team="unallocated",instance="old"}', 1)
WITHOUT_TEAM = ('openrouter_account_info{account="a",cost_center="4711",instance="old"}', 1)
RECORDED = ('account_team:openrouter_spend_month_usd:sum{account="a",team="search"}', 12)


@pytest.mark.parametrize(
    ("series", "bars"),
    [
        ([CONFIGURED], 1),
        ([CONFIGURED, RECORDED], 0),
        ([WITHOUT_TEAM], 0),
        ([("openrouter_up", 1)], 0),
    ],
    ids=["rules have just begun", "spend is recorded", "another label", "nothing is configured"],
)
def test_bar_is_shown_until_rules_have_recorded_the_spend_of_teams(
    series: list[tuple[str, float]], bars: int, tmp_path: Path
) -> None:
    text = f"(count({expression('spenders', 'This month by team', 1)}) or vector(0))"
    assert "" == evaluated(tmp_path, text, bars, constant(series))
