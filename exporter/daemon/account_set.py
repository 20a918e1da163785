"""The accounts of the configuration in force: started, replaced on reload, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from exporter.api.request_metrics import RequestDuration
from exporter.api.session import open_session
from exporter.clock import Clock
from exporter.config.configuration import Account, Configuration
from exporter.daemon.file_watch import content_hash
from exporter.exposition.scrape import Exposition
from exporter.exposition.store import Store
from exporter.polling.account import AccountContext, AccountRuntime
from exporter.polling.poller import Poller
from exporter.polling.scheduler import Scheduler
from exporter.status import CollectorStatus

POLLS_AT_ONCE = 8


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
    ) -> None:
        self._clock = clock
        self._store = store
        self._exposition = exposition
        self._duration = duration
        self._scheduler = Scheduler(clock)
        self._context = self._open(configuration)
        self._accounts = {account.name: AccountRuntime(account, self._context) for account in configuration.accounts}
        self._expose()

    @property
    def pollers(self) -> list[Poller]:
        """The pollers of all accounts."""
        return [poller for account in self._accounts.values() for poller in account.pollers]

    def status(self) -> tuple[CollectorStatus, ...]:
        """Return the state of every collector."""
        return tuple(
            poller.status(self._scheduler.next_run(poller.job_name, poller.not_before), account.key_check.advice)
            for account in self._accounts.values()
            for poller in account.pollers
        )

    def start(self) -> None:
        """Begin to poll."""
        self._scheduler.start()
        self._schedule(self._accounts.values())

    async def poll_once(self) -> bool:
        """Poll every collector of every account once; return whether all succeeded."""
        slots = asyncio.Semaphore(POLLS_AT_ONCE)

        async def poll(account: AccountRuntime) -> None:
            async with slots:
                await account.poll_all()

        await asyncio.gather(*(poll(account) for account in self._accounts.values()))
        return all(poller.state.succeeded for poller in self.pollers)

    async def apply(self, configuration: Configuration) -> None:
        """Switch to another configuration. An account that did not change keeps its schedule and its data."""
        old_context, before = self._context, self._accounts
        if (configuration.upstream, _authorities(configuration)) != (old_context.upstream, old_context.authorities):
            self._context = self._open(configuration)
        self._accounts = {account.name: self._kept_or_new(account) for account in configuration.accounts}
        gone = [account for name, account in before.items() if self._accounts.get(name) is not account]
        for account in gone:
            self._scheduler.remove(*(poller.job_name for poller in account.pollers))
            account.abandon_polls()
        for account in gone:
            successor = self._accounts.get(account.account.name)
            self._store.drop(account.account.name, () if successor is None else successor.inherit(account))
        self._expose()
        self._schedule(account for name, account in self._accounts.items() if before.get(name) is not account)
        if old_context is not self._context:
            await old_context.session.close()

    def pause(self) -> None:
        """Start no more polls."""
        self._scheduler.pause()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — for polls in progress, not for this call
        """Cancel polls that only wait for another attempt, give the others `timeout` seconds, and close the session."""
        self.pause()
        for account in self._accounts.values():
            account.stop_waiting()
        in_progress = [task for account in self._accounts.values() for task in account.polls_in_progress]
        if in_progress:
            await asyncio.wait(in_progress, timeout=timeout)
        for account in self._accounts.values():
            account.abandon_polls()
        await asyncio.gather(*in_progress, return_exceptions=True)
        self._scheduler.stop()
        await self.close()

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._context.session.close()

    def _open(self, configuration: Configuration) -> AccountContext:
        return AccountContext(
            upstream=configuration.upstream,
            authorities=_authorities(configuration),
            session=open_session(configuration.upstream),
            clock=self._clock,
            store=self._store,
            duration=self._duration,
            after_poll=self._exposition.refresh,
            poll_now=self._scheduler.run_now,
        )

    def _kept_or_new(self, account: Account) -> AccountRuntime:
        current = self._accounts.get(account.name)
        if current is not None and current.account == account and current.context is self._context:
            current.reread_key()
            return current
        return AccountRuntime(account, self._context)

    def _expose(self) -> None:
        self._exposition.set_accounts({name: account.metrics_registry for name, account in self._accounts.items()})

    def _schedule(self, accounts: Iterable[AccountRuntime]) -> None:
        polled = [(account, poller) for account in accounts for poller in account.pollers]
        for order, (account, poller) in enumerate(polled):
            self._scheduler.add(
                poller.job_name,
                partial(account.poll, poller),
                poller.interval,
                order,
                partial(poller.skip, "still_running"),
            )


def ca_files(configuration: Configuration) -> list[Path]:
    """Return the file of certificate authorities that the API is verified with, if one is configured."""
    ca_file = configuration.upstream.tls.ca_file
    return [] if ca_file is None else [ca_file]


def _authorities(configuration: Configuration) -> bytes:
    """Return a digest of the certificate authorities: a file that was replaced in place needs a new session."""
    return content_hash(ca_files(configuration))
