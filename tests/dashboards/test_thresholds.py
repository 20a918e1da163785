"""The panel of thresholds has all of them."""

from __future__ import annotations

import re

import pytest

from exporter.config.fields import keys_of
from exporter.config.thresholds import Thresholds
from exporter.polling.configured_metrics import threshold_name
from tests.dashboards.boards import BOARDS
from tests.dashboards.expressions import expressions_of

FAMILIES = [threshold_name(key) for key in keys_of(Thresholds)]
PATTERNS = [
    re.findall(r'__name__=~"([^"]+)"', panel_expression.expression)
    for panel_expression in expressions_of("budget", BOARDS["budget"])
    if panel_expression.panel == "Thresholds"
]


@pytest.mark.parametrize("family", FAMILIES)
def test_threshold_is_in_one_column(family: str) -> None:
    """With the unit of its name."""
    assert 1 == sum(any(re.fullmatch(pattern, family) for pattern in column) for column in PATTERNS)


def test_there_are_thresholds() -> None:
    """More than the panel once listed one by one."""
    assert len(FAMILIES) > 14
