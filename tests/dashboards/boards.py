"""The dashboards as they are committed, and the way through one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config/grafana/dashboards"
Board = dict[str, Any]
Panel = dict[str, Any]
Target = dict[str, Any]

BOARDS: dict[str, Board] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}


def panels(board: Board) -> Iterator[Panel]:
    """Every panel, those in collapsed rows too, but no rows."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", ())


def figures(board: Board) -> Iterator[Panel]:
    """Every panel that shows a value of the present in large letters."""
    return (panel for panel in panels(board) if panel["type"] in {"stat", "bargauge"})


def targets(board: Board) -> Iterator[tuple[Panel, Target]]:
    """Every query with its panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel, target


def variables(board: Board) -> dict[str, Any]:
    """Every variable of a dashboard by its name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}
