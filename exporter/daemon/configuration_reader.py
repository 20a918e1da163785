"""Reading the configuration, now and at each reload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from exporter import log
from exporter.api.session import tls_context
from exporter.collectors.registry import SECTION
from exporter.config.configuration import Account, Configuration
from exporter.config.load import default, load, warnings_of
from exporter.config.shard import WHOLE, Shard


class ConfigurationReader:
    """Reads the configuration of a file, or of the environment if there is no file: a shard's accounts.

    It remembers the accounts that it read last, for account files and key files that can't be read the next time.
    """

    def __init__(self, path: Path | None, shard: Shard = WHOLE) -> None:
        self._path = path
        self._shard = shard
        self._accounts: tuple[Account, ...] = ()

    def __call__(self) -> Configuration:
        """Return the configuration, and log what is allowed but unwise. Raise ConfigurationError."""
        if self._path is None:
            configuration = default(collectors=SECTION, owns=self._shard.owns)
        else:
            configuration = load(self._path, collectors=SECTION, owns=self._shard.owns, previous=self._accounts)
        if self._shard.index > 0:
            # Every shard publishes the models that its accounts use. The others are the same for all: once is enough.
            configuration = replace(configuration, catalogue=replace(configuration.catalogue, models=()))
        tls_context(configuration.upstream)
        self._accounts = configuration.accounts
        for warning in warnings_of(configuration):
            log.logger().warning("configuration_warning", warning=warning)
        return configuration
