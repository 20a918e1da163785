"""What a poll leaves behind: immutable families of samples, and the store that hands them out until they expire.

Families are column-shaped: the families of one snapshot share one `LabelSets`, so that 100,000 samples are a
few flat lists and not 100,000 objects, and label text is rendered once and not once per family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FamilyType = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """A family as the documentation, the zero initialisation and the lint tests know it.

    `labels` are the label names in the order they are rendered in; `help` says what the unit is.
    """

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

    A NaN value is a number that isn't known: it is not rendered, so the series is absent and never a false 0.
    """

    metric: MetricFamily
    label_sets: LabelSets
    values: Sequence[float]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All that one poll of one collector of one account publishes; each family at most once."""

    families: tuple[Family, ...]

    @property
    def series(self) -> int:
        """Number of samples that a scrape shows of this snapshot."""
        return sum(value == value for family in self.families for value in family.values)  # noqa: PLR0124
