"""A dashboard whose panels have one fault each, which the drawing tests must find."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from tests.dashboards.boards import BOARDS, Board, Panel, panels

FIGURE, TABLE, GRAPH = "Budget used", "Endpoints by spend", "Spend by model"


@dataclass(frozen=True)
class Fault:
    """A change that spoils a panel of Overview, and the expected finding."""

    panel: str
    spoil: Callable[[Panel], object]
    finding: str


def faulty() -> Board:
    """Return a dashboard with one spoiled panel per fault, one below the other, drawn with data."""
    board = copy.deepcopy(BOARDS["overview"])
    good = list(panels(board))
    board["panels"] = []
    for number, (name, fault) in enumerate(FAULTS.items()):
        panel = copy.deepcopy(next(good_panel for good_panel in good if good_panel["title"] == fault.panel))
        panel |= {"id": number, "title": name, "gridPos": {"x": 0, "y": 10 * number, "w": 24, "h": 10}}
        fault.spoil(panel)
        board["panels"].append(panel)
    return board


def _width(panel: Panel) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        for setting in override["properties"]:
            if setting["id"] == "custom.width":
                setting["value"] = 60


FAULTS: dict[str, Fault] = {
    "query": Fault(FIGURE, lambda panel: panel["targets"][0].update(expr="sum("), "query: invalid parameter"),
    "panel": Fault(FIGURE, lambda panel: panel.update(type="news"), "panel: a panel of the type news"),
    "cell": Fault(TABLE, _width, 'cell: the cell "anthropic/'),
    "header": Fault(TABLE, _width, 'header: the header "Account" is cut'),
    "wide-table": Fault(TABLE, lambda panel: panel["gridPos"].update(w=12), "wide-table: the table is"),
    "legend": Fault(
        GRAPH, lambda panel: panel["options"]["legend"].update(width=150), 'legend: the legend "Total" is cut'
    ),
    "legend-row": Fault(GRAPH, lambda panel: panel["gridPos"].update(h=5), "legend-row: the legend"),
    "small-text": Fault(
        FIGURE,
        lambda panel: (
            panel["targets"][0].update(expr="openrouter_nothing"),
            panel["fieldConfig"]["defaults"].update(noValue="No usage yet: does the time range reach the present?" * 4),
            panel["fieldConfig"]["defaults"].update(mappings=[]),
            panel["gridPos"].update(w=4),
        ),
        "small-text: the text",
    ),
    "empty": Fault(FIGURE, lambda panel: panel["targets"][0].update(expr="openrouter_nothing"), "empty: has no data"),
    "nothing-but-nan": Fault(
        GRAPH,
        lambda panel: [target.update(expr="sum(openrouter_up) / 0 * NaN") for target in panel["targets"]],
        "nothing-but-nan: has no data",
    ),
    "hole": Fault(FIGURE, lambda panel: panel["gridPos"].update(w=20), "a hole in the grid"),
}
