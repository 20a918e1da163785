"""List prices of models from the public catalogue, which is requested without a key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from exporter.api.client import Client
from exporter.clock import Clock
from exporter.collectors.base import Poll
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.catalogue.model_families import PRICE
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.errors import CatalogueError, PollError

Prices = Mapping[str, Decimal]  # US dollars by kind, such as `prompt`


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrices:
    """Today's prices of the models that the accounts of an export use: the catalogue has no history.

    `longest_poll` limits each request in seconds.
    """

    settings: CatalogueSettings
    client: Client
    clock: Clock
    longest_poll: float
    _known: dict[tuple[str, str], Prices] = field(default_factory=dict)

    async def of(self, uses: Iterable[ModelUse]) -> Mapping[str, Prices]:
        """Return the prices of those models that the catalogue lists. Raises CatalogueError.

        The catalogue is requested only for models that no earlier account used.
        """
        wanted = tuple(use._replace(usd=0.0, requests=0.0) for use in uses)
        names = [(use.model, use.permaslug) for use in wanted]
        if self.settings.enabled and not self._known.keys() >= set(names):
            try:
                prices = await self._read(wanted)
            except PollError as error:
                raise CatalogueError(error) from None
            self._known.update({name: prices.get(name[0], {}) for name in names})
        return {model: known for model, permaslug in names if (known := self._known.get((model, permaslug)))}

    async def _read(self, uses: tuple[ModelUse, ...]) -> Mapping[str, Prices]:
        poll = Poll.begin(self.client, self.clock, self.longest_poll)
        collected = await CatalogueCollector("", self.settings, lambda: uses).collect(poll, None)
        prices: dict[str, dict[str, Decimal]] = {}
        for family in collected.snapshot.families if collected.snapshot is not None else ():
            if family.metric is PRICE:
                for (model, kind), price in zip(family.label_sets.samples, family.values, strict=True):
                    prices.setdefault(model, {})[kind] = Decimal(repr(price))
        return prices
