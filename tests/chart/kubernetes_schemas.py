"""What Kubernetes' own resources may hold, strictly, by version; each schema is read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.chart.rendering import Manifest

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def core_validator(version: str, manifest: Manifest) -> Draft202012Validator:
    """Return the validator of a manifest's kind: `kubernetes_validate` reads megabytes of definitions each time."""
    group, _, api = manifest["apiVersion"].rpartition("/")
    names = (manifest["kind"].lower(), *group.split(".")[:1], api)
    return _validator(version, "-".join(name for name in names if name))


@cache
def _validator(version: str, name: str) -> Draft202012Validator:
    schema = _content(version, name)
    registry: Registry[Any] = Resource.from_contents(schema) @ Registry()
    return Draft202012Validator(schema, registry=_definitions(version) @ registry)


@cache
def _definitions(version: str) -> Resource[Any]:
    return Resource.from_contents(_content(version, "_definitions"))


def _content(version: str, name: str) -> dict[str, Any]:
    path = SCHEMAS / f"v{version}-local-strict" / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
