"""The chart as rendered by Helm in memory, without a cluster, a network or the helm binary."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

Manifest = dict[str, Any]
Values = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/openrouter-exporter"
VARIANTS = tuple(path.name.removesuffix("-values.yaml") for path in sorted((CHART / "ci").glob("*-values.yaml")))
RELEASE = "usage"
NAMESPACE = "monitoring"
FULLNAME = "usage-openrouter-exporter"


@cache
def _chart(folder: Path) -> Chart:
    return Chart.load(folder)


def render(values: Values, folder: Path = CHART) -> list[Manifest]:
    """Return the manifests for these values."""
    texts = _chart(folder).render(values=values, name=RELEASE, namespace=NAMESPACE)
    manifests = [text for name, text in texts.items() if name.endswith(".yaml")]
    return [result for text in manifests for result in yaml.load_all(text, Loader=yaml.CSafeLoader) if result]


def notes(values: Values) -> str:
    """Return the notes that Helm prints after an installation."""
    texts = _chart(CHART).render(values=values, name=RELEASE, namespace=NAMESPACE)
    return texts["openrouter-exporter/templates/NOTES.txt"]


def values_of(variant: str) -> Values:
    """Return the values of a variant in ci/."""
    text = (CHART / "ci" / f"{variant}-values.yaml").read_text(encoding="utf-8")
    loaded: Values = yaml.load(text, yaml.CSafeLoader)
    return loaded


@cache
def _rendered(variant: str) -> str:
    return json.dumps(render(values_of(variant)))


def manifests_of(variant: str) -> list[Manifest]:
    """Return the manifests for the values of a variant."""
    loaded: list[Manifest] = json.loads(_rendered(variant))
    return loaded


def the(kind: str, manifests: list[Manifest], suffix: str = "") -> Manifest:
    """Return the one manifest of a kind and name."""
    matching = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == FULLNAME + suffix]
    assert 1 == len(matching), f"{kind} {FULLNAME}{suffix}"
    return matching[0]


def workload(manifests: list[Manifest]) -> Manifest:
    """Return the Deployment, or the StatefulSet of several shards."""
    (result,) = (one for one in manifests if one["kind"] in ("Deployment", "StatefulSet"))
    return result


def of_kind(kind: str, manifests: list[Manifest]) -> list[Manifest]:
    """Return all manifests of a kind."""
    return [one for one in manifests if one["kind"] == kind]


def container(manifests: list[Manifest]) -> Manifest:
    """Return the exporter's container."""
    result: Manifest = workload(manifests)["spec"]["template"]["spec"]["containers"][0]
    return result


def merged(values: Values, more: Values) -> Values:
    """Return the values with others merged over them, map by map, as Helm does."""
    together = copy.deepcopy(values)
    for key, value in more.items():
        both_maps = isinstance(value, dict) and isinstance(together.get(key), dict)
        together[key] = merged(together[key], value) if both_maps else value
    return together
