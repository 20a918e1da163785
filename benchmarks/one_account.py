"""One account on a simulator, and an exporter of it that is ready to poll."""

from __future__ import annotations

from benchmarks.processes import KEY
from exporter.clock import SystemClock
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc

NO_LIMIT = 100_000  # requests per minute, for polls of many requests


def configuration(
    url: str, collectors: CollectorsSettings, requests_per_minute: int = Upstream().requests_per_minute
) -> Configuration:
    """Return one account with these collectors, without the public catalogue."""
    key = EnvironmentSecret("KEY", {"KEY": KEY})
    return Configuration(
        upstream=Upstream(base_url=url, requests_per_minute=requests_per_minute),
        catalogue=CatalogueSettings(enabled=False),
        accounts=(Account(name="benchmark", key=key, collectors=collectors),),
    )


def fresh_exporter(settings: Configuration) -> Exporter:
    """Return an exporter as it is after its start: scraped once, with its modules excluded from garbage collection."""
    exporter = Exporter(settings, SystemClock())
    exporter.scrape("", "gzip", ())
    freeze_gc()
    return exporter
