"""Sums of amounts as decimals: those of doubles differ from what an accountant adds up in the last digit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact

Decimals = tuple[Decimal | None, ...]

# Enough digits for the sum of any two doubles that are amounts. Only those that a sum has are computed.
EXACT = Context(prec=400, traps=[Inexact])


def decimals(numbers: Iterable[float]) -> Decimals:
    """Return numbers as JSON has them, None for those that are unknown (NaN).

    A double's shortest text is what the API sent: it has doubles too.
    """
    return tuple(None if math.isnan(number) else Decimal(repr(number)) for number in numbers)


def add(one: Decimals, other: Decimals) -> Decimals:
    """Return the sums of two rows of numbers. A sum of which a part is unknown is unknown."""
    return tuple(
        None if left is None or right is None else EXACT.add(left, right)
        for left, right in zip(one, other, strict=True)
    )


class ExactSums:
    """The sums of cells that several rows share. A cell of one row has its numbers."""

    def __init__(self) -> None:
        self._sums: dict[int, Decimals] = {}

    def add(self, cell: int, before: Iterable[float], numbers: Iterable[float]) -> None:
        """Add a row to a cell; `before` is what the cell had if it was of one row until now."""
        self._sums[cell] = add(self.of(cell, before), decimals(numbers))

    def of(self, cell: int, numbers: Iterable[float]) -> Decimals:
        """Return the sums of a cell; `numbers` is what it has if it is of one row."""
        return self._sums[cell] if cell in self._sums else decimals(numbers)
