"""Strict schemas of the Prometheus operator's resources: an unknown field is an error and is not ignored."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")


@cache
def validator(kind: str) -> Draft202012Validator:
    """Return the validator of a kind."""
    from cloudcoil.models.prometheus_operator import v1  # noqa: PLC0415 — takes two seconds, also to collect tests

    schema: dict[str, Any] = getattr(v1, kind).model_json_schema(by_alias=True)
    return Draft202012Validator(_strict(schema))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _strict(value) for key, value in node.items()}
    return {"additionalProperties": False, **node} if "properties" in node and node.get("type") == "object" else node
