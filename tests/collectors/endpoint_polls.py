"""Polls of the endpoints of models in use, and the samples that they publish."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.endpoints_collector import EndpointsCollector
from exporter.config.catalogue_settings import CatalogueEndpointsSettings
from exporter.errors import AttemptError, PollError
from tests.collectors.catalogue_polls import Samples
from tests.collectors.helpers import response_of
from tests.support import NOON, FakeClock

ENDPOINT = "openrouter_endpoint_"

ENDPOINT = "openrouter_endpoint_"


def endpoint(provider: object = "Acme", tag: object = "acme", **fields: Any) -> dict[str, Any]:
    """Return an endpoint's row. A field set to ... is left out."""
    row = {
        "provider_name": provider,
        "tag": tag,
        "status": 0,
        "uptime_last_5m": 99.5,
        "uptime_last_30m": 50,
        "uptime_last_1d": 100,
        "latency_last_30m": {"p50": 250, "p75": 500, "p90": 1000, "p99": 2000},
        "throughput_last_30m": {"p50": 80, "p75": 81, "p90": 82, "p99": 83},
        "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    } | fields
    return {name: value for name, value in row.items() if value is not ...}


def endpoints(*rows: Any) -> Response:
    return response_of(json.dumps({"data": {"id": "acme/one", "endpoints": list(rows)}}).encode())


class FakeApi:
    """A client that returns a response, or raises an error, for each model."""

    def __init__(self, responses: Mapping[str, Response | PollError]) -> None:
        self.metrics = self
        self.failures: list[AttemptError] = []
        self.paths: list[str] = []
        self._responses = responses

    async def request(self, request: Request, _deadline: float, **_: Any) -> Response:
        self.paths.append(request.path)
        response = self._responses[request.path.removeprefix("/models/").removesuffix("/endpoints")]
        if isinstance(response, PollError):
            raise response
        return response

    def failed(self, _operation: str, error: AttemptError) -> None:
        self.failures.append(error)


def read(
    responses: Mapping[str, Response | PollError],
    *names: str,
    memory: object = None,
    clock: FakeClock | None = None,
    **settings: Any,
) -> tuple[Collected, Poll]:
    """Run one poll for these models."""
    clock = clock or FakeClock(NOON)
    listed = tuple((name, name) for name in names or responses)
    collector = EndpointsCollector("", CatalogueEndpointsSettings(**settings), lambda: listed)
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", FakeApi(responses)), clock=clock)
    return asyncio.run(collector.collect(poll, memory)), poll


def samples(collected: Collected) -> Samples:
    """Return the published samples by family (without `openrouter_endpoint_`) and label values."""
    assert collected.snapshot is not None
    shown = {
        family.metric.name.removeprefix(ENDPOINT): {
            labels: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        for family in collected.snapshot.families
    }
    return {name: values for name, values in shown.items() if values}


def one(**fields: Any) -> tuple[Samples, dict[str, int]]:
    """Return the samples of a model with one endpoint, and the unreadable fields."""
    collected, poll = read({"acme/one": endpoints(endpoint(**fields))})
    return samples(collected), dict(poll.rejections.unreadable)
