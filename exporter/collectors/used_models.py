"""The models that accounts use: the activity collector reports them, and the catalogue is read for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import NamedTuple

MOST_MODELS = 1000  # of one account


class ModelUse(NamedTuple):
    """A model that was used in the last 30 days, with its dated name, and by how much; an unknown amount counts as 0.

    `model` is the name that the activity families have. `permaslug` is empty if it is unknown.
    """

    model: str
    permaslug: str
    usd: float
    requests: float


def model_uses(
    permaslugs: Mapping[str, str], usd: Mapping[str, float], requests: Mapping[str, float]
) -> tuple[ModelUse, ...]:
    """Return the uses of an account's models, the most used first. `permaslugs` has every model."""
    uses = (
        ModelUse(model, permaslug, _known(usd.get(model)), _known(requests.get(model)))
        for model, permaslug in permaslugs.items()
        if model
    )
    return tuple(nsmallest(MOST_MODELS, uses, key=_order))


def merged_uses(accounts: Iterable[tuple[ModelUse, ...]]) -> tuple[ModelUse, ...]:
    """Return the uses of several accounts' models together, each model once, the most used first."""
    merged: dict[str, ModelUse] = {}
    for uses in accounts:
        for use in uses:
            before = merged.get(use.model)
            merged[use.model] = use if before is None else _sum(before, use)
    return tuple(sorted(merged.values(), key=_order))


def _sum(one: ModelUse, other: ModelUse) -> ModelUse:
    permaslug = max(one.permaslug, other.permaslug)  # the dated name of the later version
    return ModelUse(one.model, permaslug, one.usd + other.usd, one.requests + other.requests)


def _order(use: ModelUse) -> tuple[float, float, str]:
    return -use.usd, -use.requests, use.model


def _known(amount: float | None) -> float:
    return 0.0 if amount is None or math.isnan(amount) else amount
