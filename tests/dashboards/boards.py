"""The committed dashboards, and iterators over their parts."""

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
    """Yield every panel, including those in collapsed rows, but no rows."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", ())


def figures(board: Board) -> Iterator[Panel]:
    """Yield every panel that shows a current value in large letters."""
    return (panel for panel in panels(board) if panel["type"] in {"stat", "bargauge"})


def targets(board: Board) -> Iterator[tuple[Panel, Target]]:
    """Yield every query with its panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel, target


def variables(board: Board) -> dict[str, Any]:
    """Return the variables of a dashboard by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}
