"""Fold the smallest series into one, `other`: their number is bounded, and totals stay right."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.clock import Pause
from exporter.collectors.constants import OTHER

Labels = tuple[str, ...]
Size = tuple[float, float]  # spend in USD, requests


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Published labels, and for each the indices of what is summed under it. `folded` counts what is not kept."""

    labels: Sequence[Labels]
    members: Sequence[tuple[int, ...]]
    folded: int

    def sums(self, values: array[float]) -> array[float]:
        """Return the sums of a column, in the order of the labels. A sum of which a part is unknown is unknown."""
        if not self.folded:
            return values
        return array("d", [math.fsum(values[index] for index in members) for members in self.members])


async def fold_into_other(
    pause: Pause,
    labels: Sequence[Labels],
    size: Callable[[int], Size],
    most: int,
    other: Callable[[Labels], Labels] = lambda labels: (OTHER,) * len(labels),
) -> Fold:
    """Keep the `most` largest, by spend, then requests, then labels; sum the rest under labels from `other`.

    `size` returns the size of the entry at an index; it leaves out unknown numbers.
    """
    if len(labels) <= most:
        return Fold(labels, [(index,) for index in range(len(labels))], 0)
    ranks = []
    for index, label_values in enumerate(labels):
        spend, requests = size(index)
        ranks.append((-spend, -requests, label_values, index))
        await pause()
    ranks.sort()
    await pause()
    kept = {index for *_, index in ranks[:most]}
    members: dict[Labels, list[int]] = {}
    for index, label_values in enumerate(labels):
        members.setdefault(label_values if index in kept else other(label_values), []).append(index)
        await pause()
    return Fold(list(members), [tuple(indices) for indices in members.values()], len(labels) - most)


def known_sum(numbers: Sequence[float]) -> float:
    """Return the sum of those numbers that are known."""
    return math.fsum(number for number in numbers if not math.isnan(number))
