"""The pickers of the dashboard Budget and keys select rows of its tables by key name and workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.test_expressions import needs_promtool
from tests.dashboards.test_values import constant, evaluated, expression

pytestmark = [needs_promtool, pytest.mark.slow]

SERIES: list[tuple[str, float]] = [
    ('openrouter_key_usage_month_usd{account="a",key="1"}', 1),
    ('openrouter_key_usage_month_usd{account="a",key="2"}', 2),
    ('openrouter_key_usage_month_usd{account="a",key="other"}', 4),
    ('openrouter_key_info{account="a",key="1",name="nightly",workspace="lab"}', 1),
    ('openrouter_key_info{account="a",key="2",name="web",workspace="shop"}', 1),
]


@pytest.mark.parametrize(
    ("chosen", "spend"),
    [({}, 7), ({"key": "nightly"}, 5), ({"workspace": "shop"}, 6), ({"key": "nightly", "workspace": "shop"}, 4)],
    ids=["all", "a key", "a workspace", "a key of another workspace"],
)
def test_pickers_select_keys(chosen: dict[str, str], spend: float, tmp_path: Path) -> None:
    """The sum of folded keys has no name and stays."""
    assert "" == evaluated(tmp_path, expression("budget", "All keys", 0, **chosen), spend, constant(SERIES))
