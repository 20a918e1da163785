"""The panel of thresholds shows all of them."""

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
def test_threshold_is_in_one_column_with_its_unit(family: str) -> None:
    assert 1 == sum(any(re.fullmatch(pattern, family) for pattern in column) for column in PATTERNS)


def test_panel_has_more_thresholds_than_were_once_listed() -> None:
    assert len(FAMILIES) > 14
