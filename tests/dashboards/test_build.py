"""The committed dashboards are what the code builds and what Grafana's own library reads."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.dashboards.boards import BOARDS, FOLDER

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("grafana_foundation_sdk") is None and os.environ.get("CI") != "true",
    reason="grafana-foundation-sdk isn't installed",
)


@pytest.fixture
def build() -> ModuleType:
    """Return the module that builds the dashboards."""
    return importlib.import_module("config.grafana.build")


def test_committed_dashboards_are_those_that_the_code_builds(build: ModuleType) -> None:
    assert sorted(build.DASHBOARDS) == list(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_dashboard_json_is_current(name: str, build: ModuleType) -> None:
    """`make dashboards` regenerates it."""
    assert build.encoded(build.DASHBOARDS[name]()) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_build_writes_every_dashboard(build: ModuleType, tmp_path: Path) -> None:
    """The files are the same as the committed ones."""
    build.write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == {
        path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()
    }


@pytest.mark.parametrize("name", BOARDS)
def test_dashboard_survives_a_round_trip_through_grafanas_types(name: str) -> None:
    """Grafana would ignore fields that its own library does not know."""
    plugins: Any = importlib.import_module("grafana_foundation_sdk.cog.plugins")
    models: Any = importlib.import_module("grafana_foundation_sdk.models.dashboard")
    encoder: Any = importlib.import_module("grafana_foundation_sdk.cog.encoder")
    plugins.register_default_plugins()
    board = copy.deepcopy(BOARDS[name])
    for annotation in board["annotations"]["list"]:
        # The library has no types for what a data source adds to an annotation: the Prometheus one reads these two.
        assert annotation.pop("titleFormat")
        assert annotation.pop("textFormat")
    decoded = models.Dashboard.from_json(board)
    assert board == json.loads(json.dumps(decoded, cls=encoder.JSONEncoder))
