"""Metric families and the snapshot of families that a poll returns; all immutable.

Families are stored by column: those of one snapshot share a `LabelSets`, so that 100,000 samples are a few flat lists
instead of 100,000 objects, and the text of their labels is rendered once instead of once per family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FamilyType = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """A metric's name, HELP text, label names and type."""

    name: str
    help: str
    labels: tuple[str, ...]
    type: FamilyType = "gauge"


@dataclass(frozen=True, slots=True, eq=False)
class LabelSets:
    """The label values of one or more families: `samples[i]` holds sample i's values of `names`, in that order."""

    names: tuple[str, ...]
    samples: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Samples of one family: `values[i]` belongs to `label_sets.samples[i]`.

    NaN means unknown: it is not rendered, so the series is absent and never a false 0.
    """

    metric: MetricFamily
    label_sets: LabelSets
    values: Sequence[float]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The families that one poll of one collector of one account publishes; each at most once."""

    families: tuple[Family, ...]
