"""`GET /models/{author}/{slug}/endpoints`: uptime, speed and prices of the endpoints of models in use."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from exporter.api.client import Request
from exporter.api.endpoint_rows import UPTIMES, EndpointRow, read_endpoints
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.catalogue.model_families import (
    ENDPOINT_FAMILIES,
    ENDPOINT_LATENCIES,
    ENDPOINT_PRICE,
    ENDPOINT_STATUS,
    ENDPOINT_THROUGHPUTS,
    ENDPOINT_UPTIME,
)
from exporter.collectors.common import family_of, known
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from exporter.errors import PollError, StatusError
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

OPERATION = "model_endpoints"
LONGEST_RESPONSE = 1024 * 1024
REQUESTS_AT_ONCE = 4
NOT_FOUND = 404
MOST_NAMED = 3  # models with one cause of failure


@dataclass(frozen=True, slots=True)
class ModelEndpoints:
    """The endpoints of a model, and when the poll that read them began (monotonic seconds)."""

    rows: Sequence[EndpointRow]
    read_at: float


@dataclass(frozen=True, slots=True)
class LastEndpoints:
    """What a poll leaves for the next one: endpoints by model, and the models that it could not read."""

    models: Mapping[str, ModelEndpoints] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()


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
        """Read all models, a few at once. Raise PollError if none of them can be read.

        Those that failed in the last poll come last.
        """
        last = memory if isinstance(memory, LastEndpoints) else LastEndpoints()
        stale_after = self.settings.stale_after
        models = sorted(self._listed(), key=lambda model: model[0] in last.failed)
        reader = _Reader(poll, len(models))
        results = await reader.read_all(models)
        poll.finish_late()
        errors = {name: result for name, result in results.items() if isinstance(result, PollError)}
        # A model without endpoints was removed from the catalogue: that is not a failure.
        failures = {
            name: error
            for name, error in errors.items()
            if not (isinstance(error, StatusError) and error.status == NOT_FOUND)
        }
        # If no model has any, the path is wrong, or a proxy is in the way.
        if errors and len(errors) == len(models) and (failures or len(models) > 1):
            raise next(iter((failures or errors).values()))
        current = {name: result for name, result in results.items() if isinstance(result, ModelEndpoints)}
        current |= {
            name: model
            for name, model in last.models.items()
            if name in failures and poll.started - model.read_at < stale_after
        }
        return Collected(
            snapshot=Snapshot(await _families(poll, current)),
            memory=LastEndpoints(current, frozenset(failures)),
            summary=Summary(failures=tuple(_parts(failures))),
            successors=tuple(
                [
                    (poll.wall_time(at), Snapshot(await _families(poll, remaining)))
                    for at, remaining in _expiries(current, poll.started, stale_after)
                ]
            ),
        )


@dataclass(slots=True)
class _Reader:
    """Reads models within a poll. `waiting` is the number of those that have not begun."""

    poll: Poll
    waiting: int
    ends_all: PollError | None = None
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_AT_ONCE))

    async def read_all(self, models: Iterable[tuple[str, str]]) -> dict[str, ModelEndpoints | PollError]:
        """Return the endpoints of each model by name, or why they cannot be read.

        A crash of one request ends the others, as does a shutdown that ends the wait of one for its next attempt: a
        TaskGroup would ignore that and read all other models.
        """
        tasks = {name: asyncio.create_task(self.read(slug)) for name, slug in models}
        try:
            await asyncio.gather(*tasks.values())
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {name: task.result() for name, task in tasks.items()}

    async def read(self, slug: str) -> ModelEndpoints | PollError:
        """Return a model's endpoints, or why they cannot be read. No request follows one with Retry-After."""
        async with self.slots:
            self.waiting -= 1
            if self.ends_all is not None:
                return self.ends_all
            try:
                rows = await self._rows(slug)
            except PollError as error:
                self.ends_all = error if error.not_before is not None else self.ends_all
                return error
        return ModelEndpoints(rows, self.poll.started)

    async def _rows(self, slug: str) -> Sequence[EndpointRow]:
        poll, now = self.poll, self.poll.clock.monotonic()
        request = Request(
            operation=OPERATION,
            path=f"/models/{quote(slug, safe='/:')}/endpoints",
            parameters={},
            longest_response=LONGEST_RESPONSE,
        )
        # A few models that are retried must not use up the time of all that wait for a slot.
        response = await poll.request(request, now + (poll.deadline - now) / 2 if self.waiting else math.inf)
        with poll.reading(OPERATION):
            rows = read_endpoints(response, poll.rejections)
        await poll.pause()
        return rows


def _expiries(
    models: Mapping[str, ModelEndpoints], started: float, stale_after: float
) -> Iterator[tuple[float, Mapping[str, ModelEndpoints]]]:
    """Yield when models of earlier polls expire before those of this one do, and the models that remain then."""
    if stale_after == math.inf:
        return
    for at in sorted({model.read_at + stale_after for model in models.values() if model.read_at < started}):
        yield at, {name: model for name, model in models.items() if model.read_at + stale_after > at}


def _parts(failures: Mapping[str, PollError]) -> Iterator[tuple[str, str]]:
    """Yield models and why they could not be read; many with one cause are one part, because each is a line of log."""
    models: dict[str, list[str]] = {}
    for name, error in failures.items():
        models.setdefault(str(error), []).append(name)
    for error_text, names in models.items():
        if len(names) > MOST_NAMED:
            yield f"endpoints of {len(names)} models, such as {names[0]}", error_text
        else:
            yield from ((f"endpoints of {name}", error_text) for name in names)


async def _families(poll: Poll, models: Mapping[str, ModelEndpoints]) -> tuple[Family, ...]:
    endpoints: list[tuple[str, ...]] = []
    rows: list[tuple[float | None, ...]] = []
    uptimes: dict[tuple[str, ...], float | None] = {}
    prices: dict[tuple[str, ...], float] = {}
    for name, model in models.items():
        for row in model.rows:
            labels = (name, row.provider, row.tag)
            endpoints.append(labels)
            rows.append((row.status, *row.latencies, *row.throughputs))
            uptimes |= {(*labels, window): uptime for window, uptime in zip(UPTIMES, row.uptimes, strict=True)}
            prices |= {(*labels, kind): price for kind, price in row.pricing.prices.items()}
        await poll.pause()
    families = [family_of(ENDPOINT_UPTIME, list(uptimes), uptimes.values())]
    label_sets = LabelSets(ENDPOINT_STATUS.labels, endpoints)
    # Not families_of, because a thousand models have too many rows for one step.
    for index, metric in enumerate((ENDPOINT_STATUS, *ENDPOINT_LATENCIES, *ENDPOINT_THROUGHPUTS)):
        await poll.pause()
        families.append(Family(metric, label_sets, array("d", [known(row[index]) for row in rows])))
    await poll.pause()
    return (*families, family_of(ENDPOINT_PRICE, list(prices), prices.values()))
