"""The kind of an account's key and its expiry. Only `GET /key` distinguishes an ordinary key from a management key."""

from __future__ import annotations

from contextlib import suppress

import structlog
from prometheus_client import Gauge

from exporter.api.client import Client
from exporter.api.key_response import OPERATION, REQUEST, KeyKind, described, kind_of
from exporter.api.response import Response
from exporter.clock import Clock
from exporter.config.secret import Secret
from exporter.errors import ExporterError, InvalidResponse, StatusError
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.polling.hints import ORDINARY_KEY, UNAUTHORIZED, UNKNOWN_KEY

INTERVAL = 3600.0
INTERVAL_AFTER_FAILURE = 300.0
LONGEST_CHECK = 5.0  # the account's next poll waits for it


class KeyMetrics:
    """The kind and expiry of an account's key; absent while unknown."""

    def __init__(self, metrics_registry: MetricsRegistry, account: str) -> None:
        self._metrics_registry = metrics_registry
        self._account = account
        self._management = Gauge(
            "openrouter_calling_key_is_management",
            "1 if the account's key is a management key, 0 if it is an ordinary key. Absent while unknown.",
            ["account"],
            registry=metrics_registry,
        )
        self._expiry = Gauge(
            "openrouter_calling_key_expiry_timestamp_seconds",
            "When the account's key expires, as Unix time in seconds. Absent if it never does, or while unknown.",
            ["account"],
            registry=metrics_registry,
        )

    def set(self, kind: KeyKind) -> None:
        """Publish what the API reported."""
        self._management.clear()
        if kind.is_management is not None:
            self._management.labels(self._account).set(kind.is_management)
        self._expiry.clear()
        if kind.expires_at is not None:
            self._expiry.labels(self._account).set(kind.expires_at)
        self._metrics_registry.touch()


class KeyCheck:
    """Checks the kind of an account's key hourly, when the API begins to reject the key, and when the key changes.

    It reads every response to `GET /key` of the account, also those that a collector requested.
    """

    def __init__(self, client: Client, metrics: KeyMetrics, clock: Clock, log: structlog.stdlib.BoundLogger) -> None:
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._log = log
        self._next = clock.monotonic()
        self._was_refused = False
        self._checking = False
        self._checked: Secret | None = None
        self.advice: str | None = None
        client.listeners[OPERATION] = self._on_response

    async def check(self, *, refused: bool) -> None:
        """Request the key's description if it is due and not in progress. Never raise an error.

        `refused` means that the API rejects the key.
        """
        if self._checking:
            return
        newly_refused = refused and not self._was_refused
        self._was_refused = refused
        replaced = self._client.secret != self._checked
        if not newly_refused and not replaced and self._clock.monotonic() < self._next:
            return
        self._checking = True
        try:
            await self._check(replaced=replaced)
        finally:
            self._checking = False

    async def _check(self, *, replaced: bool) -> None:
        self._next = self._clock.monotonic() + INTERVAL
        try:
            response = await self._client.request(REQUEST, self._clock.monotonic() + LONGEST_CHECK, quiet=True)
            try:
                kind_of(described(response))
            except InvalidResponse as error:
                self._client.metrics.failed(OPERATION, error)
                raise
        except ExporterError as error:
            self._log.debug("key_check_failed", error=str(error))
            self._next = self._clock.monotonic() + INTERVAL_AFTER_FAILURE
            unknown = isinstance(error, StatusError) and error.status == UNAUTHORIZED
            if unknown or (replaced and self._client.secret != self._checked):  # what is known is of another key
                self._metrics.set(KeyKind())
                self.advice = UNKNOWN_KEY if unknown else None
            self._checked = self._client.secret

    def _on_response(self, response: Response, secret: Secret) -> None:
        with suppress(InvalidResponse):
            kind = kind_of(described(response))
            self._checked, self._next = secret, self._clock.monotonic() + INTERVAL
            self._metrics.set(kind)
            advice = ORDINARY_KEY if kind.is_management is False else None
            if advice is not None and self.advice != advice:
                self._log.warning("not_a_management_key", hint=advice)
            self.advice = advice
