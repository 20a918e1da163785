"""Write the dashboards in the form that grafana.com takes and "Import" asks for a data source: by FOLDER.

python -m config.grafana.importable FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from config.grafana.build import DASHBOARDS, encoded

INPUT = "DS_PROMETHEUS"
GRAFANA = "11.6.0"
_PANELS = {
    "bargauge": "Bar gauge",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}


def importable(dashboard: dict[str, Any]) -> dict[str, Any]:
    """Return a dashboard with its inputs, what it requires, and the chosen source as the value of its variable."""
    panels = [panel for row in dashboard["panels"] for panel in (row, *row.get("panels", ()))]
    kinds = sorted({panel["type"] for panel in panels} - {"row"})
    chosen = f"${{{INPUT}}}"
    variables = [
        {**variable, "current": {"selected": False, "text": chosen, "value": chosen}}
        if variable["type"] == "datasource"
        else variable
        for variable in dashboard["templating"]["list"]
    ]
    return {
        "__inputs": [
            {
                "name": INPUT,
                "label": "Prometheus",
                "description": "The Prometheus that scrapes the exporter.",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__elements": {},
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": GRAFANA},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            *({"type": "panel", "id": kind, "name": _PANELS.get(kind, kind), "version": ""} for kind in kinds),
        ],
        **dashboard,
        "id": None,
        "gnetId": None,
        "templating": {"list": variables},
    }


def write(folder: Path) -> None:
    """Write one file per dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, dashboard in DASHBOARDS.items():
        text = json.dumps(importable(json.loads(encoded(dashboard()))), indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
