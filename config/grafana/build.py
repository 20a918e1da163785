"""Write the dashboards as Grafana loads them: `python -m config.grafana.build`."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import budget, cost, endpoint, health, models, overview, performance, spenders

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {
    "budget": budget.dashboard,
    "cost": cost.dashboard,
    "endpoint": endpoint.dashboard,
    "health": health.dashboard,
    "models": models.dashboard,
    "overview": overview.dashboard,
    "performance": performance.dashboard,
    "spenders": spenders.dashboard,
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
