"""A worker: polls of the public catalogue, on bodies that are already there. `new`, `again`, or `kept` for memory.

Without a network, so that what is measured is decoding and publishing; the digest of the body included.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import hashlib
import json
import random
import tracemalloc
from dataclasses import dataclass
from typing import Any, cast

from benchmarks.call import Meter, run_jobs
from benchmarks.heartbeat import Heartbeat
from benchmarks.measures import MIB
from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.clock import SystemClock
from exporter.collectors.base import Collector, Poll
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.catalogue.endpoints_collector import EndpointsCollector
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueEndpointsSettings, CatalogueSettings
from exporter.daemon.process import freeze_gc
from exporter.exposition.text_format import Rendered, render
from exporter.simulator.catalogue import Catalogue

MODELS, USED = 1000, 100
WORDS, VOCABULARY = 150, 3000  # of a description; with this vocabulary it compresses like real text
NAMES = tuple(f"unused/model-{number}" for number in range(USED))
PROVIDERS = 4


def bodies() -> tuple[bytes, ...]:
    """Return the catalogue, and the endpoints of a model, as long as real ones and compressed as the API sends them."""
    simulated, clock = Catalogue(MODELS), SystemClock()
    now = clock.now()
    content = json.loads(simulated.respond("/models", {"output_modalities": "all"}, now, with_key=False).body)
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvwy", k=chance.randint(2, 9))) for _ in range(VOCABULARY)]
    rows = [row | {"description": " ".join(chance.choices(words, k=WORDS))} for row in content["data"]]
    one = json.loads(simulated.respond(f"/models/{NAMES[0]}/endpoints", {}, now, with_key=True).body)
    (endpoint,) = one["data"]["endpoints"]
    one["data"]["endpoints"] = [endpoint | {"tag": f"{endpoint['tag']}/{number}"} for number in range(PROVIDERS)]
    return tuple(gzip.compress(json.dumps(body).encode(), 6) for body in (content | {"data": rows}, one))


@dataclass
class FixedClient:
    """A client that returns the same bodies again and again."""

    models: bytes
    endpoints: bytes

    async def request(self, request: Request, *_: Any, **__: Any) -> Response:
        """Return the body of a path, with its digest."""
        body = self.models if request.path == "/models" else self.endpoints
        return Response(
            chunks=tuple(body[start : start + 65536] for start in range(0, len(body), 65536)),
            encoding="gzip",
            digest=hashlib.sha256(body).digest(),
            limit=1 << 30,
        )


class Polls:
    """Polls with all that they leave behind."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._client = FixedClient(*bodies())
        self._clock = SystemClock()
        used = tuple(ModelUse(name, "", 1.0, 1.0) for name in NAMES)
        self._catalogue = CatalogueCollector("", CatalogueSettings(), lambda: used)
        listed = tuple(zip(NAMES, NAMES, strict=True))
        self._endpoints = EndpointsCollector("", CatalogueEndpointsSettings(), lambda: listed)
        self._kept: dict[str, tuple[Rendered, object]] = {}
        freeze_gc()

    def measured(self, job: str) -> dict[str, float]:
        """Poll once; return what it took."""
        if job == "kept":
            return self._runner.run(self._memory())
        return self._runner.run(self._poll(new=job == "new"))

    async def _poll(self, *, new: bool) -> dict[str, float]:
        async with Heartbeat() as heart:
            with Meter() as meter:
                await self._read(self._catalogue, new=new)
        return meter.result | {"size": len(self._client.models), "hold": heart.longest}

    async def _memory(self) -> dict[str, float]:
        """Return what polls leave behind, in MiB: what is published, and what the next polls are given."""
        gc.collect()
        tracemalloc.start()
        await self._read(self._catalogue, new=True)
        await self._read(self._endpoints, new=True)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {"memory": kept / MIB}

    async def _read(self, collector: Collector[Any], *, new: bool) -> None:
        poll = Poll.begin(cast("Client", self._client), self._clock, 60)
        memory = None if new else self._kept[collector.name][1]
        collected = await collector.collect(poll, memory)
        if collected.snapshot is not None:
            self._kept[collector.name] = await render(poll.pause, collected.snapshot), collected.memory


if __name__ == "__main__":
    run_jobs(Polls().measured)
