"""Every collector there is. A new one is a line here, and settings of its name in the configuration."""

from __future__ import annotations

from exporter.collectors.activity.collector import ActivityCollector
from exporter.collectors.analytics import AnalyticsCollector
from exporter.collectors.base import Collector
from exporter.collectors.calling_key import CallingKeyCollector
from exporter.collectors.credits import CreditsCollector
from exporter.collectors.keys import KeysCollector
from exporter.collectors.today import TodayCollector
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import CollectorsSettings


def every(account: str, collectors: CollectorsSettings) -> tuple[tuple[Collector, CollectorSettings], ...]:
    """Return an account's collectors, enabled or not, each with its settings."""
    return (
        (ActivityCollector(account, collectors.activity), collectors.activity),
        (CreditsCollector(account, collectors.credits), collectors.credits),
        (KeysCollector(account, collectors.keys), collectors.keys),
        (CallingKeyCollector(account, collectors.key), collectors.key),
        (TodayCollector(account, collectors.today), collectors.today),
        (AnalyticsCollector(account, collectors.analytics), collectors.analytics),
    )


def enabled(account: str, collectors: CollectorsSettings) -> list[tuple[Collector, CollectorSettings]]:
    """Return an account's enabled collectors, each with its settings."""
    return [(collector, settings) for collector, settings in every(account, collectors) if settings.enabled]


def operations() -> tuple[str, ...]:
    """Return the operations of all collectors, each once."""
    return tuple(
        dict.fromkeys(name for collector, _ in every("", CollectorsSettings()) for name in collector.operations)
    )
