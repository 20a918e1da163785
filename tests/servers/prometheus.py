"""Prometheus scraping every second, with or without rules and existing data."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from tests.servers.programs import free_port, started, until

JOB = "openrouter"
INSTANCE = "exporter:10063"


@dataclass(frozen=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """A running server and its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the data of a response; fail with its message if it is an error."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/api/v1/{path}", params=parameters) as response,
        ):
            content = await response.json()
        assert "success" == content["status"], f"{parameters}: {content}"
        return content["data"]

    async def vector(self, expression: str, **parameters: str) -> list[Sample]:
        """Return an instant vector, or a scalar as one without labels."""
        data = await self.get("query", query=expression, **parameters)
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in data["result"]]

    async def query(self, expression: str) -> list[float]:
        """Return the values of an instant vector."""
        return [sample.value for sample in await self.vector(expression)]

    async def history(self, expression: str, start: float, end: float) -> list[dict[float, float]]:
        """Return the values of each series by time, a second apart."""
        data = await self.get("query_range", query=expression, start=f"{start}", end=f"{end}", step="1")
        return [{float(at): float(value) for at, value in series["values"]} for series in data["result"]]

    async def until(self, expression: str, wanted: Callable[[list[float]], bool]) -> list[float]:
        """Query until the result satisfies `wanted`, and return it."""
        return await until(lambda: self.query(expression), wanted)

    async def alerts(self) -> dict[str, str]:
        """Return the state of each alert that is pending or firing, by name."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in (await self.get("alerts"))["alerts"]}


@asynccontextmanager
async def prometheus(
    program: str,
    target: str | Mapping[str, str],
    folder: Path,
    *,
    rules: Sequence[Path] = (),
    alertmanager: str | None = None,
    options: Sequence[str] = (),
    every: str = "1s",
    external_labels: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Prometheus]:
    """Run Prometheus with its data below the folder, scraping the target, or several by instance, this often."""
    managers = [] if alertmanager is None else [{"static_configs": [{"targets": [alertmanager]}]}]
    configuration = folder / "prometheus.yaml"
    addresses = {INSTANCE: target} if isinstance(target, str) else target
    targets = [{"targets": [address], "labels": {"instance": name}} for name, address in addresses.items()]
    content = {
        "global": {
            "scrape_interval": every,
            "evaluation_interval": every,
            "external_labels": dict(external_labels),
        },
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": JOB, "static_configs": targets}],
        "alerting": {"alertmanagers": managers},
    }
    configuration.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    async with started(
        f"http://{address}/-/ready",
        folder / "prometheus.log",
        program,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        *options,
    ):
        yield Prometheus(f"http://{address}")
