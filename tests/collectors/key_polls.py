"""Polls of the keys collector, and the samples that they publish."""

from __future__ import annotations

from typing import Any

from exporter.collectors.keys import KeysCollector, KeysSettings
from tests.collectors.balances import account, digest, pages, polled
from tests.collectors.helpers import Polled, Shown

PREFIX = "openrouter_key_"


def read(*rows: Any, memory: object = None, **settings: Any) -> Polled:
    return polled(KeysCollector("default", KeysSettings(**settings)), account(pages(list(rows))), memory)


def shown(result: Polled) -> Shown:
    return {name.removeprefix(PREFIX): samples for name, samples in result.shown.items()}


def of(name: object) -> tuple[str]:
    return (digest(name)[:12],)
