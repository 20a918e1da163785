"""Alertmanager with the shipped routes and inhibitions, which sends its messages to a webhook on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from tests.servers.programs import free_port, started

SHIPPED = Path(__file__).parents[2] / "config" / "alertmanager" / "alertmanager.yaml"
_QUICK = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
_BY_THE_CLOCK = ("active_time_intervals", "mute_time_intervals")


@dataclass(frozen=True)
class Message:
    """One alert in a message to a receiver."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass
class Webhook:
    """A receiver that records its messages."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)

    def messages_about(self, name: str, status: str) -> list[Message]:
        """Return the messages about an alert with this status."""
        return [
            message for message in self.messages if message.labels["alertname"] == name and message.status == status
        ]

    async def _take(self, request: web.Request) -> web.Response:
        content = await request.json()
        self.messages += [
            Message(content["receiver"], alert["status"], alert["labels"], alert["annotations"])
            for alert in content["alerts"]
        ]
        return web.Response()


@asynccontextmanager
async def listening() -> AsyncIterator[Webhook]:
    """Run a webhook while the context lasts."""
    webhook = Webhook()
    application = web.Application()
    application.router.add_post("/", webhook._take)  # noqa: SLF001 — its own handler
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        webhook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield webhook
    finally:
        await runner.cleanup()


def pointed_at(url: str) -> dict[str, Any]:
    """Return the shipped configuration with short intervals, all day, and with every receiver at this URL."""
    content: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for receiver in content["receivers"]:
        name = receiver["name"]
        receiver.clear()
        receiver |= {"name": name, "webhook_configs": [{"url": url, "send_resolved": True}]}
    _hasten(content["route"])
    return content


def _hasten(route: dict[str, Any]) -> None:
    route |= _QUICK
    for key in _BY_THE_CLOCK:
        route.pop(key, None)
    for below in route.get("routes", ()):
        _hasten(below)


@asynccontextmanager
async def alertmanager(program: str, url: str, folder: Path) -> AsyncIterator[str]:
    """Run Alertmanager with its messages to this URL, and return its address."""
    configuration = folder / "alertmanager.yaml"
    configuration.write_text(json.dumps(pointed_at(url)), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    async with started(
        f"http://{address}/-/ready",
        folder / "alertmanager.log",
        program,
        f"--config.file={configuration}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ):
        yield address
