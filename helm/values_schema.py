"""Puts the exporter's own schema into the chart's: `python -m helm.values_schema` writes values.schema.json anew.

The rest of that file is written by hand, and stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exporter.collectors.registry import SECTION
from exporter.config.schema import schema

PATH = Path(__file__).parent / "openrouter-exporter/values.schema.json"
OF_THE_CHART = "chart."  # the definitions that are not the exporter's
_NOT_EMPTY = "(?=[0-9])"


def updated(chart: dict[str, Any]) -> dict[str, Any]:
    """Return the chart's schema with the exporter's definitions and keys as they are now."""
    own = _for_helm(schema(SECTION))
    account = own["$defs"].pop("Account")
    definitions = {name: definition for name, definition in chart["$defs"].items() if name.startswith(OF_THE_CHART)}
    entry = definitions[f"{OF_THE_CHART}account"]
    # Where keys are is the chart's business; all else of an account is the exporter's.
    for name, key in account["properties"].items():
        if not name.startswith("api_key"):
            entry["properties"][name] = key
    config = {"type": "object", "additionalProperties": False, "properties": own["properties"]}
    del config["properties"]["accounts"]
    properties = {**chart["properties"], "config": config}
    return {**chart, "properties": properties, "$defs": {**definitions, **own["$defs"]}}


def _for_helm(node: Any) -> Any:
    """Return a schema whose patterns Go understands, which looks neither ahead nor behind."""
    if isinstance(node, list):
        return [_for_helm(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _for_helm(value) for key, value in node.items()}
    if _NOT_EMPTY in str(node.get("pattern", "")):
        node |= {"pattern": node["pattern"].replace(_NOT_EMPTY, ""), "minLength": 1}
    return node


def written(chart: dict[str, Any]) -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(chart, indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(written(updated(json.loads(PATH.read_text(encoding="utf-8")))), encoding="utf-8")
