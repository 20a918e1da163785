"""Write the dashboards as Grafana loads them: `python -m config.grafana.build`."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.budget import budget
from config.grafana.cost import cost
from config.grafana.endpoint import endpoint
from config.grafana.health import health
from config.grafana.models import models
from config.grafana.overview import overview
from config.grafana.performance import performance
from config.grafana.spenders import spenders

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {
    "budget": budget,
    "cost": cost,
    "endpoint": endpoint,
    "health": health,
    "models": models,
    "overview": overview,
    "performance": performance,
    "spenders": spenders,
}


def encoded(dashboard: Dashboard) -> str:
    """Return a dashboard as JSON whose order never changes."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write one file per dashboard."""
    for name, dashboard in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(encoded(dashboard()), encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
