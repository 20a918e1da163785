"""The accounts of the configuration in force: started, replaced on reload, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from exporter.api.request_metrics import RequestDuration
from exporter.api.session import open_session
from exporter.clock import Clock
from exporter.collectors.used_models import ModelUse, merged_uses
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.configuration import Account, Configuration
from exporter.config.shard import Shard
from exporter.daemon.file_watch import content_hash
from exporter.exposition.scrape import Exposition
from exporter.exposition.store import Store
from exporter.polling.account import AccountRuntime
from exporter.polling.catalogue_runtime import CatalogueRuntime
from exporter.polling.poller import Poller
from exporter.polling.poller_group import NO_ACCOUNT, PollerGroup, PollingContext
from exporter.polling.scheduler import Scheduler, first_delay
from exporter.status import CollectorStatus

POLLS_AT_ONCE = 8
NEW_MODELS_DELAY = 5.0  # seconds in which several accounts' new models become one request for the catalogue


class AccountSet:
    """Polls every account on schedule and shows its data in the exposition. Make it in a running event loop."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        *,
        store: Store,
        exposition: Exposition,
        duration: RequestDuration,
        shard: Shard,
    ) -> None:
        self._clock = clock
        self._store = store
        self._exposition = exposition
        self._duration = duration
        # All shards poll the catalogue, but not at the same moment.
        self._scheduler = Scheduler(clock, f"/{shard.index}" if shard.index else "")
        self._context = self._open(configuration)
        self._accounts: dict[str, AccountRuntime] = {}
        self._catalogue: CatalogueRuntime | None = None
        self._build(configuration)

    @property
    def pollers(self) -> list[Poller]:
        """The pollers of all accounts."""
        return [poller for account in self._accounts.values() for poller in account.pollers]

    @property
    def catalogue_pollers(self) -> list[Poller]:
        """The pollers of the public catalogue, none if it is disabled."""
        return [] if self._catalogue is None else list(self._catalogue.pollers)

    def status(self) -> tuple[CollectorStatus, ...]:
        """Return the state of every collector."""
        return tuple(
            poller.status(self._scheduler.next_run(poller.job_name, poller.not_before), account.key_check.advice)
            for account in self._accounts.values()
            for poller in account.pollers
        )

    def catalogue_status(self) -> tuple[CollectorStatus, ...]:
        """Return the state of the catalogue's collectors."""
        return tuple(
            poller.status(self._scheduler.next_run(poller.job_name, poller.not_before))
            for poller in self.catalogue_pollers
        )

    def start(self) -> None:
        """Begin to poll."""
        self._scheduler.start()
        self._schedule(self._groups().values())

    async def poll_once(self) -> bool:
        """Poll every collector of every account once, then the catalogue; return whether all succeeded."""
        slots = asyncio.Semaphore(POLLS_AT_ONCE)

        async def poll(account: AccountRuntime) -> None:
            async with slots:
                await account.poll_all()

        await asyncio.gather(*(poll(account) for account in self._accounts.values()))
        if self._catalogue is not None:
            await self._catalogue.poll_all()
        return all(poller.state.succeeded for poller in (*self.pollers, *self.catalogue_pollers))

    async def apply(self, configuration: Configuration) -> None:
        """Switch to another configuration. An account that did not change keeps its schedule and its data."""
        old_context, before = self._context, self._groups()
        if (configuration.upstream, _authorities(configuration)) != (old_context.upstream, old_context.authorities):
            self._context = self._open(configuration)
        self._build(configuration)
        after = self._groups()
        ended = {name: group for name, group in before.items() if after.get(name) is not group}
        for group in ended.values():
            self._scheduler.remove(*(poller.job_name for poller in group.pollers))
            group.abandon_polls()
        for name, group in ended.items():
            self._store.drop(name, after[name].inherit(group) if name in after else ())
        if self._catalogue is not None:
            self._catalogue.keep(self._accounts)
        self._schedule(group for name, group in after.items() if before.get(name) is not group)
        if old_context is not self._context:
            await old_context.session.close()

    def pause(self) -> None:
        """Start no more polls."""
        self._scheduler.pause()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — for polls in progress, not for this call
        """Cancel polls that only wait for another attempt, give the others `timeout` seconds, and close the session."""
        self.pause()
        for group in self._groups().values():
            group.stop_waiting()
        in_progress = [task for group in self._groups().values() for task in group.polls_in_progress]
        if in_progress:
            await asyncio.wait(in_progress, timeout=timeout)
        for group in self._groups().values():
            group.abandon_polls()
        await asyncio.gather(*in_progress, return_exceptions=True)
        self._scheduler.stop()
        await self.close()

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._context.session.close()

    def _open(self, configuration: Configuration) -> PollingContext:
        return PollingContext(
            upstream=configuration.upstream,
            authorities=_authorities(configuration),
            session=open_session(configuration.upstream),
            clock=self._clock,
            store=self._store,
            duration=self._duration,
            after_poll=self._after_poll,
            poll_now=self._scheduler.run_now,
        )

    def _build(self, configuration: Configuration) -> None:
        """Make what the configuration polls, except for what is unchanged, and expose its metrics."""
        self._accounts = {account.name: self._kept_or_new(account) for account in configuration.accounts}
        self._catalogue = self._kept_or_new_catalogue(configuration.catalogue)
        self._exposition.set_accounts({name: group.metrics_registry for name, group in self._groups().items()})

    def _kept_or_new(self, account: Account) -> AccountRuntime:
        current = self._accounts.get(account.name)
        if current is not None and current.account == account and current.context is self._context:
            current.reread_key()
            return current
        return AccountRuntime(account, self._context)

    def _kept_or_new_catalogue(self, settings: CatalogueSettings) -> CatalogueRuntime | None:
        if not settings.enabled:
            return None
        current = self._catalogue
        if current is not None and current.settings == settings and current.context is self._context:
            return current
        poll_soon = partial(self._scheduler.run_within, seconds=NEW_MODELS_DELAY)
        return CatalogueRuntime(settings, self._context, self._used_models, poll_soon)

    def _used_models(self) -> tuple[ModelUse, ...]:
        """Return the models that the accounts use, the most used first."""
        return merged_uses(account.used_models for account in self._accounts.values())

    def _after_poll(self, name: str) -> None:
        self._exposition.refresh(name)
        if self._catalogue is not None and name in self._accounts:
            self._catalogue.note_use(name, self._accounts[name].used_models)

    def _groups(self) -> dict[str, PollerGroup]:
        """Return what is polled, by account; the catalogue last, when the first accounts' models are known."""
        return {**self._accounts, **({} if self._catalogue is None else {NO_ACCOUNT: self._catalogue})}

    def _schedule(self, groups: Iterable[PollerGroup]) -> None:
        polled = [(group, poller) for group in groups for poller in group.pollers]
        for order, (group, poller) in enumerate(polled):
            self._scheduler.add(
                poller.job_name,
                partial(group.poll, poller),
                poller.interval,
                first_delay(order, len(polled), poller.interval),
                partial(poller.skip, "still_running"),
            )


def ca_files(configuration: Configuration) -> list[Path]:
    """Return the file of certificate authorities that the API is verified with, if one is configured."""
    ca_file = configuration.upstream.tls.ca_file
    return [] if ca_file is None else [ca_file]


def _authorities(configuration: Configuration) -> bytes:
    """Return a digest of the certificate authorities: a file that was replaced in place needs a new session."""
    return content_hash(ca_files(configuration))
