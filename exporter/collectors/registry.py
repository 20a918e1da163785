"""The list of collectors, from which the configuration's section, the daemon's collectors and the docs are made."""

from __future__ import annotations

import dataclasses
from typing import Any

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.analytics.analytics_collector import AnalyticsCollector
from exporter.collectors.base import Collector
from exporter.collectors.budgets.budgets_collector import BudgetsCollector
from exporter.collectors.calling_key import CallingKeyCollector
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.catalogue.endpoints_collector import EndpointsCollector
from exporter.collectors.credits import CreditsCollector
from exporter.collectors.keys import KeysCollector
from exporter.collectors.spend import SpendCollector
from exporter.collectors.today import TodayCollector
from exporter.config.collector_settings import CollectorSettings, CollectorsSettings, collectors_section
from exporter.config.configuration import Account

COLLECTORS: tuple[type[Collector[Any]], ...] = (
    ActivityCollector,
    CreditsCollector,
    KeysCollector,
    CallingKeyCollector,
    TodayCollector,
    SpendCollector,
    BudgetsCollector,
    AnalyticsCollector,
)

# Those of the public catalogue, which belong to no account and have settings of their own.
CATALOGUE_COLLECTORS: tuple[type[Collector[Any]], ...] = (CatalogueCollector, EndpointsCollector)

# The type of the configuration's section `collectors`.
SECTION = collectors_section({collector.name: collector.settings_type for collector in COLLECTORS})


def enabled(account: Account) -> list[Collector[Any]]:
    """Return an account's enabled collectors."""
    return [collector.of(account) for collector in COLLECTORS if account.collectors.of(collector.settings_type).enabled]


def operations() -> tuple[str, ...]:
    """Return the operations of all collectors by default, each once."""
    defaults = (collector("", collector.settings_type()) for collector in (*COLLECTORS, *CATALOGUE_COLLECTORS))
    return tuple(dict.fromkeys(name for collector in defaults for name in collector.operations))


def configured(*given: CollectorSettings) -> CollectorsSettings:
    """Return these settings, and the defaults of all other collectors."""
    return SECTION(**_by_name(given))


def only(*given: CollectorSettings) -> CollectorsSettings:
    """Return these settings; all other collectors are disabled."""
    off = {name: dataclasses.replace(default, enabled=False) for name, default in SECTION().by_name().items()}
    return SECTION(**(off | _by_name(given)))


def _by_name(given: tuple[CollectorSettings, ...]) -> dict[str, Any]:
    names = {collector.settings_type: collector.name for collector in COLLECTORS}
    return {names[type(settings)]: settings for settings in given}
