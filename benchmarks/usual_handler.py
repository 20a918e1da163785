"""A worker: the usual way to serve metrics. prometheus-client's own aiohttp handler on live Gauges, from a text."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.serving import serve


def registry_of(text: str) -> CollectorRegistry:
    """Return a registry with the gauges of an exposition."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(text):
        if family.type != "gauge" or not family.samples:
            continue
        names = list(family.samples[0].labels)
        gauge = Gauge(family.name, family.documentation, names, registry=registry)
        for sample in family.samples:
            (gauge.labels(**sample.labels) if names else gauge).set(sample.value)
    return registry


async def main(text: str) -> None:
    application = web.Application()
    handler = make_aiohttp_handler(registry_of(text))
    application.router.add_get("/metrics", handler)
    await serve(application)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text(encoding="utf-8")))
