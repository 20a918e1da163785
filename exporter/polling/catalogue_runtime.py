"""The pollers of the public catalogue: one group per process, without an account and without a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any

from exporter.collectors.base import Collector
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.catalogue.endpoints_collector import EndpointsCollector
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.polling.poller import Poller
from exporter.polling.poller_group import NO_ACCOUNT, PollerGroup, PollingContext


class CatalogueRuntime(PollerGroup):
    """Polls the catalogue for the models that `used` returns, and again soon after other models are used.

    `poll_soon` is called with the job name of a poller, and makes several calls one poll.
    """

    def __init__(
        self,
        settings: CatalogueSettings,
        context: PollingContext,
        used: Callable[[], tuple[ModelUse, ...]],
        poll_soon: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self._used = used
        self._poll_soon = poll_soon
        self._polled_for: frozenset[str] = frozenset()
        self._seen: dict[str, tuple[ModelUse, ...]] = {}
        collectors: list[Collector[Any]] = [CatalogueCollector(NO_ACCOUNT, settings, used)]
        if settings.endpoints.enabled:
            collectors.append(EndpointsCollector(NO_ACCOUNT, settings.endpoints, self._listed))
        limit = max(context.upstream.requests_per_minute, settings.max_models)
        super().__init__(context, None, collectors, upstream=replace(context.upstream, requests_per_minute=limit))

    async def poll_all(self) -> None:
        """Run all pollers, one after the other: each needs what the one before it published."""
        for poller in self.pollers:
            await asyncio.create_task(self.poll(poller))  # a task of its own, which abandoned polls cancel

    async def _poll(self, poller: Poller) -> None:
        is_catalogue = poller is self.pollers[0]
        before = self._listed()
        if is_catalogue:
            self._polled_for = _names(self._used())
        await poller.poll()
        self.context.after_poll(NO_ACCOUNT)
        if is_catalogue:
            self._poll_for_new(_names(self._used()))
        if not {*self._listed()} <= {*before}:
            for other in self.pollers[1:]:
                self._poll_soon(other.job_name)

    def _listed(self) -> tuple[tuple[str, str], ...]:
        """Return the models whose endpoints are read: those in use that the catalogue lists, the most used first."""
        published = self.pollers[0].state.published
        return published.listed_models[: self.settings.max_models]

    def note_use(self, account: str, uses: tuple[ModelUse, ...]) -> None:
        """Poll soon if an account uses models that the last poll was not for. Called after each poll of an account."""
        if self._seen.get(account) is not uses:
            self._seen[account] = uses
            self._poll_for_new(_names(uses))

    def keep(self, accounts: Container[str]) -> None:
        """Forget the models of all other accounts, which are no longer configured."""
        self._seen = {account: uses for account, uses in self._seen.items() if account in accounts}

    def _poll_for_new(self, names: frozenset[str]) -> None:
        if not names <= self._polled_for:
            self._poll_soon(self.pollers[0].job_name)


def _names(uses: tuple[ModelUse, ...]) -> frozenset[str]:
    return frozenset(use.model for use in uses)
