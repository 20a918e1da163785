"""Polls of the catalogue collector, and the samples that they publish."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from exporter.api.client import Client
from exporter.api.response import Response
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueSettings
from tests.collectors.helpers import FixedClient, response_of
from tests.support import NOON, FakeClock, finished

Samples = dict[str, dict[tuple[str, ...], float]]
PRICING = {"prompt": "0.000003", "completion": "0.000015"}


def model(slug: str = "acme/one", **fields: Any) -> dict[str, Any]:
    """Return a row of the catalogue. A field set to ... is left out."""
    row = {
        "id": slug,
        "canonical_slug": f"{slug}-2026",
        "name": "Acme: One",
        "context_length": 4096,
        "expiration_date": None,
        "pricing": PRICING,
    } | fields
    return {name: value for name, value in row.items() if value is not ...}


def use(name: str = "acme/one", permaslug: str = "", usd: float = 1.0) -> ModelUse:
    return ModelUse(name, permaslug, usd, 1.0)


def catalogue(*rows: Any, **around: Any) -> Response:
    return response_of(json.dumps({"data": list(rows)} | around).encode())


def read(
    *rows: Any,
    used: Iterable[ModelUse] = (use(),),
    memory: object = None,
    clock: FakeClock | None = None,
    response: Response | None = None,
    **settings: Any,
) -> tuple[Collected, Poll]:
    """Run one poll of the collector."""
    clock = clock or FakeClock(NOON)
    client = FixedClient(catalogue(*rows) if response is None else response)
    collector = CatalogueCollector("", CatalogueSettings(**settings), lambda: tuple(used))
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", client), clock=clock)
    return finished(collector.collect(poll, memory)), poll


def samples(collected: Collected) -> Samples:
    """Return the published samples by family (without `openrouter_model_`) and label values."""
    assert collected.snapshot is not None
    return {
        family.metric.name.removeprefix("openrouter_model_"): {
            labels: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        for family in collected.snapshot.families
    }


def unreadable(**fields: Any) -> dict[str, int]:
    """Return how many fields of a row with these values are counted as unreadable."""
    collected, poll = read(model(**fields))
    assert {("acme/one",): 1.0} == samples(collected)["listed"]
    return dict(poll.rejections.unreadable)
