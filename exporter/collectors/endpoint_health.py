"""`GET /models/{author}/{slug}/endpoints`: uptime, speed and prices of the endpoints of models in use."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from exporter.api.client import Request
from exporter.api.endpoint_rows import PERCENTILES, UPTIMES, EndpointRow, read_endpoints
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.common import known
from exporter.collectors.model_families import (
    ENDPOINT_FAMILIES,
    ENDPOINT_LATENCIES,
    ENDPOINT_PRICE,
    ENDPOINT_STATUS,
    ENDPOINT_THROUGHPUTS,
    ENDPOINT_UPTIME,
)
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from exporter.errors import PollError, StatusError
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

OPERATION = "model_endpoints"
LONGEST_RESPONSE = 1024 * 1024
REQUESTS_AT_ONCE = 4
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class ModelEndpoints:
    """The endpoints of a model, and when they were read (monotonic seconds)."""

    rows: Sequence[EndpointRow]
    read_at: float


class EndpointsCollector(Collector[CatalogueEndpointsSettings]):
    """Reads a model at a time. One that cannot be read keeps its last values until they expire.

    `listed` returns the models in use: the name to publish, and the name in the catalogue.
    """

    name = "catalogue_endpoints"
    settings_type = CatalogueEndpointsSettings
    title = "Endpoints of models in use"
    resource = "GET /models/{author}/{slug}/endpoints"
    text = """\
Figures of the whole platform, not of your account: OpenRouter measures them over the traffic of all its users. `tag`
tells endpoints of one provider apart. Latency and throughput are absent unless the API reports them without a key. A
model whose endpoints cannot be read keeps its last values until they expire.
"""
    requests = "1 for each model in use, at most `catalogue.max_models`"
    operations = (OPERATION,)
    rejection_reasons = ("missing_provider", "duplicate")

    def __init__(
        self,
        account: str,
        settings: CatalogueEndpointsSettings,
        listed: Callable[[], Iterable[tuple[str, str]]] = lambda: (),
    ) -> None:
        super().__init__(account, settings)
        self._listed = listed

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return uptime, status, speed and prices."""
        return ENDPOINT_FAMILIES

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read all models, a few at once. Raise PollError if none of them can be read."""
        last: Mapping[str, ModelEndpoints] = memory if isinstance(memory, dict) else {}
        models = list(self._listed())
        slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        results = await asyncio.gather(*(_read(poll, slots, slug) for _, slug in models))
        failures: dict[str, PollError] = {}
        current: dict[str, ModelEndpoints] = {}
        for (name, _), result in zip(models, results, strict=True):
            if isinstance(result, ModelEndpoints):
                current[name] = result
                continue
            if not _is_unknown_model(result):
                failures[name] = result
                before = last.get(name)
                if before is not None and poll.clock.monotonic() - before.read_at < self.settings.stale_after:
                    current[name] = before
        if failures and len(failures) == len(models):
            raise next(iter(failures.values()))
        return Collected(
            snapshot=Snapshot(await _families(poll, current)),
            memory=current,
            failures=tuple((f"endpoints of {name}", str(error)) for name, error in failures.items()),
        )


async def _read(poll: Poll, slots: asyncio.Semaphore, slug: str) -> ModelEndpoints | PollError:
    async with slots:
        try:
            response = await poll.request(
                Request(
                    operation=OPERATION,
                    path=f"/models/{quote(slug, safe='/:')}/endpoints",
                    parameters={},
                    longest_response=LONGEST_RESPONSE,
                )
            )
            with poll.reading(OPERATION):
                rows = read_endpoints(response, poll.rejections)
            await poll.pause()
        except PollError as error:
            return error
    return ModelEndpoints(rows, poll.clock.monotonic())


def _is_unknown_model(error: PollError) -> bool:
    """Return whether a model has no endpoints any more: that is not a failure."""
    return isinstance(error, StatusError) and error.status == NOT_FOUND


async def _families(poll: Poll, models: Mapping[str, ModelEndpoints]) -> tuple[Family, ...]:
    rows = [((name, row.provider, row.tag), row) for name, model in models.items() for row in model.rows]
    endpoints = LabelSets(ENDPOINT_STATUS.labels, [labels for labels, _ in rows])
    uptimes = LabelSets(ENDPOINT_UPTIME.labels, [(*labels, window) for labels, _ in rows for window in UPTIMES])
    prices = [(labels, row.pricing.prices) for labels, row in rows]
    await poll.pause()
    families = [
        Family(ENDPOINT_UPTIME, uptimes, array("d", [known(uptime) for _, row in rows for uptime in row.uptimes])),
        Family(ENDPOINT_STATUS, endpoints, array("d", [known(row.status) for _, row in rows])),
    ]
    for index in range(len(PERCENTILES)):
        await poll.pause()
        families += [
            Family(ENDPOINT_LATENCIES[index], endpoints, array("d", [known(row.latencies[index]) for _, row in rows])),
            Family(
                ENDPOINT_THROUGHPUTS[index], endpoints, array("d", [known(row.throughputs[index]) for _, row in rows])
            ),
        ]
    await poll.pause()
    kinds = LabelSets(ENDPOINT_PRICE.labels, [(*labels, kind) for labels, by_kind in prices for kind in by_kind])
    amounts = array("d", [price for _, by_kind in prices for price in by_kind.values()])
    return (*families, Family(ENDPOINT_PRICE, kinds, amounts))
