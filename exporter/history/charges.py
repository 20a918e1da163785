"""The cost of an endpoint's usage, divided by kind of token where list prices allow it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from typing import NamedTuple

from exporter.collectors.activity.exact_sums import EXACT
from exporter.collectors.measures import BYOK_USAGE, MEASURES, REQUESTS
from exporter.history.daily_usage import ZERO, EndpointUsage
from exporter.history.list_prices import Prices

PROMPT, COMPLETION, CACHED = (MEASURES.index(f"{kind}_tokens") for kind in ("prompt", "completion", "cached"))
SHARE = Decimal("1e-12")  # USD to which the API's cost is divided; the rest goes to the largest part
_DIVISION = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Charge(NamedTuple):
    """A quantity of one kind, its list price each, and its part of the cost.

    `meter` is empty for a cost that cannot be divided; `price` is None if there is no list price.
    """

    meter: str
    unit: str
    quantity: Decimal
    price: Decimal | None
    cost: Decimal

    @property
    def list_cost(self) -> Decimal:
        """The cost at the list price; without one, the cost."""
        return self.cost if self.price is None else EXACT.multiply(self.quantity, self.price)


def charges(usage: EndpointUsage, prices: Prices | None) -> Sequence[Charge]:
    """Return the charges of an endpoint in a period, whose costs add up to its cost. Raises ExportError.

    The API does not report the cost by kind of token, so the cost is divided in proportion to list prices. There is one
    charge if a price is unknown, or if own provider keys were used, whose tokens OpenRouter does not bill.
    """
    cost, parts = usage.cost, [] if prices is None else _listed(usage, prices)
    total = _sum([part.list_cost for part in parts])
    if usage.numbers[BYOK_USAGE] or not parts or (cost and total <= 0):
        return [_undivided(usage, cost)]
    costs = [_share(cost, part.list_cost, total) for part in parts]
    largest = max(range(len(parts)), key=lambda index: parts[index].list_cost)
    costs[largest] = EXACT.add(costs[largest], EXACT.subtract(cost, _sum(costs)))
    return [part._replace(cost=share) for part, share in zip(parts, costs, strict=True)]


def _listed(usage: EndpointUsage, prices: Prices) -> list[Charge]:
    """Return the kinds of tokens that were used, none if a quantity or a price is not known."""
    prompt, completion, cached = (usage.numbers[measure] for measure in (PROMPT, COMPLETION, CACHED))
    if prompt is None or completion is None:
        return []
    quantities = {"prompt": prompt, "completion": completion}
    # Responses from OpenRouter's own cache can make cached tokens exceed those of prompts.
    if cached is not None and cached <= prompt and "input_cache_read" in prices:
        quantities |= {"prompt": EXACT.subtract(prompt, cached), "input_cache_read": cached}
    if prices.get("request"):
        quantities["request"] = usage.numbers[REQUESTS] or ZERO
    used = {kind: quantity for kind, quantity in quantities.items() if quantity}
    if not used.keys() <= prices.keys() or any(quantity < 0 for quantity in used.values()):
        return []
    return [Charge(*_METERS[kind], quantity, prices[kind], ZERO) for kind, quantity in used.items()]


def _undivided(usage: EndpointUsage, cost: Decimal) -> Charge:
    tokens = [number for number in (usage.numbers[PROMPT], usage.numbers[COMPLETION]) if number is not None]
    if tokens:
        return Charge("Tokens", "Tokens", _sum(tokens), None, cost)
    return Charge("Requests", "Requests", usage.numbers[REQUESTS] or ZERO, None, cost)


def _share(cost: Decimal, part: Decimal, total: Decimal) -> Decimal:
    share = _DIVISION.divide(EXACT.multiply(cost, part), total) if cost else ZERO
    return share.quantize(SHARE, context=_DIVISION)


def _sum(numbers: Sequence[Decimal]) -> Decimal:
    return reduce(EXACT.add, numbers, ZERO)


_METERS = {
    "prompt": ("Prompt tokens", "Tokens"),
    "input_cache_read": ("Cached prompt tokens", "Tokens"),
    "completion": ("Completion tokens", "Tokens"),
    "request": ("Requests", "Requests"),
}
