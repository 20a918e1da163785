"""The shared form of dashboards: what grafana.com requires, and what an import substitutes."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.dashboards.boards import BOARDS, Board, panels, variables
from tests.dashboards.test_build import pytestmark as needs_sdk

pytestmark = needs_sdk

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        "__inputs",
        "__requires",
        "__elements",
        "id",
        "gnetId",
        "uid",
        "title",
        "description",
        "tags",
        "panels",
    ],
    "properties": {
        "__inputs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "label", "type", "pluginId", "pluginName"],
                "properties": {"name": {"pattern": "^DS_[A-Z_]+$"}, "type": {"enum": ["datasource", "constant"]}},
            },
        },
        "__requires": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "id", "name", "version"],
                "properties": {"type": {"enum": ["grafana", "datasource", "panel"]}},
            },
        },
        "__elements": {"type": "object"},
        "id": {"type": "null"},
        "gnetId": {"type": "null"},
        "uid": {"type": "string", "maxLength": 40},
        "title": {"type": "string", "minLength": 1},
    },
}


@pytest.fixture
def shared(tmp_path: Path) -> dict[str, Board]:
    """Return every dashboard in its shared form."""
    importlib.import_module("config.grafana.importable").write(tmp_path)
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.json")}


def test_every_dashboard_can_be_shared(shared: dict[str, Board]) -> None:
    assert BOARDS.keys() == shared.keys()
    for board in shared.values():
        jsonschema.validate(board, SCHEMA)


def test_every_input_is_declared_and_used(shared: dict[str, Board]) -> None:
    """A placeholder without an input would stay in the dashboard."""
    for board in shared.values():
        content = json.dumps({key: value for key, value in board.items() if key != "__inputs"})
        assert {data_source["name"] for data_source in board["__inputs"]} == set(re.findall(r"\$\{(DS_\w+)\}", content))


def test_every_panel_type_is_listed_as_a_requirement(shared: dict[str, Board]) -> None:
    """Grafana warns of missing plugins."""
    for board in shared.values():
        required = {require["id"] for require in board["__requires"] if require["type"] == "panel"}
        assert {panel["type"] for panel in panels(board)} == required


def test_import_changes_only_the_data_source(shared: dict[str, Board]) -> None:
    for name, board in shared.items():
        imported = json.loads(json.dumps(board).replace("${DS_PROMETHEUS}", "my-prometheus"))
        assert "my-prometheus" == variables(imported)["datasource"]["current"]["value"]
        assert BOARDS[name]["panels"] == imported["panels"]
