"""The mixin has every shipped file. Jsonnet cannot list a folder, so each file is named in it."""

from __future__ import annotations

import json
from typing import Any

from tests.chart.programs import needs, run
from tests.rules.shipped import ALERTS, RECORDED, ROOT

CONFIG = ROOT / "config"


def evaluated() -> dict[str, Any]:
    """Return the mixin's fields, which Jsonnet hides because tools take those that they need."""
    shown = ", ".join(f"{name}: mixin.{name}" for name in ("prometheusAlerts", "prometheusRules", "grafanaDashboards"))
    text = run("jsonnet", "-J", CONFIG, "-e", f"local mixin = import 'mixin.libsonnet'; {{{shown}}}")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@needs("jsonnet")
def test_mixin_has_every_rule() -> None:
    mixin = evaluated()
    groups = [group for part in ("prometheusAlerts", "prometheusRules") for group in mixin[part]["groups"]]
    names = [rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]]
    assert sorted([*ALERTS, *RECORDED]) == sorted(names)


@needs("jsonnet")
def test_mixin_has_every_dashboard() -> None:
    dashboards = {path.stem: json.loads(path.read_text()) for path in (CONFIG / "grafana/dashboards").glob("*.json")}
    assert {f"openrouter-{name}.json": page for name, page in dashboards.items()} == evaluated()["grafanaDashboards"]


def test_mixin_names_every_file() -> None:
    """This test needs no jsonnet."""
    text = (CONFIG / "mixin.libsonnet").read_text(encoding="utf-8")
    files = (*CONFIG.glob("prometheus/rules/*.yaml"), *CONFIG.glob("grafana/dashboards/*.json"))
    assert [] == [path.name for path in files if f"'{path.relative_to(CONFIG)}'" not in text]
