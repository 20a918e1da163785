"""Allocation: user-defined labels for keys, workspaces, members, apps and end users, by ordered rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, get_args

from exporter.config.expression_cost import bounded_expression
from exporter.config.fields import Conflict, ListOf, MapOf, Settings
from exporter.config.value_types import matching, text
from exporter.config.yaml_nodes import Scalar

Dimension = Literal["key", "workspace", "member", "app", "end_user"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
# Dimensions of analytics queries whose values rules can name.
ANALYTICS_DIMENSIONS: Mapping[str, Dimension] = {"app": "app", "external_user": "end_user"}

# Labels that the same series have, that Prometheus adds, or that its alerts have.
TAKEN = (
    *("account", "key", "workspace_id", "user_id", "app", "external_user", "model", "provider", "endpoint_id"),
    *("name", "query", "paid_by", "job", "instance", "alertname"),
)
_NAME = matching("a label's name, such as cost_center: letters, digits and _", "_?[a-zA-Z][a-zA-Z0-9_]*")


def _label_name(scalar: Scalar) -> str:
    name: str = _NAME.read(scalar)
    if name in TAKEN:
        raise ValueError("this label name is reserved")
    return name


LABEL_NAME = replace(_NAME, read=_label_name)
_LABELS = MapOf(values=text(), expected="a section such as {team: search}")
_RULES = '[{key: "search-.*", labels: {team: search}}]'

Labels = Annotated[Mapping[str, str], _LABELS]
Condition = Annotated[re.Pattern[str] | None, bounded_expression()]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationRule(Settings):
    """A rule: where all of its conditions match a whole name, its labels apply."""

    key: Annotated[Condition, "Name of an API key, its hash, or the hash's first 12 digits."] = None
    workspace: Annotated[Condition, "Name, slug or id of a workspace; also matches all keys in it."] = None
    member: Annotated[Condition, "Id, e-mail or name of a member; for a key, the id of its creator."] = None
    app: Annotated[Condition, "Title or URL of an app, as in the analytics API."] = None
    end_user: Annotated[Condition, "Id of an end user (`user` in a request). May be personal data."] = None
    labels: Annotated[Labels, "Labels to set, unless an earlier rule has set them."] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[Dimension, re.Pattern[str]]:
        """The conditions that are set."""
        return {name: pattern for name in DIMENSIONS if (pattern := getattr(self, name)) is not None}

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return conflicts if the rule has no condition, or no labels."""
        conflicts = []
        if not self.conditions:
            message = (
                f"a rule needs a condition: one of {', '.join(DIMENSIONS)}; use accounts[].labels for everything else"
            )
            conflicts.append(Conflict(DIMENSIONS, message))
        if not self.labels:
            conflicts.append(Conflict(("labels",), "a rule needs labels, such as {team: search}"))
        return tuple(conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations(Settings):
    """Your own labels for keys, workspaces, members, apps and end users."""

    labels: Annotated[
        tuple[str, ...],
        ListOf(item=LABEL_NAME, example="[team, cost_center]", unique=True),
        "Names of the labels; `accounts[].labels` and `allocations.rules` may use no others.",
    ] = ()
    rules: Annotated[
        tuple[AllocationRule, ...],
        ListOf(item=AllocationRule, example=_RULES),
        "Rules in order: each label comes from the first matching rule that sets it.",
    ] = ()
