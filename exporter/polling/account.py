"""One account: its pollers, its key, and the metrics that vanish with it."""

from __future__ import annotations

from typing import Self

from exporter import log
from exporter.api import key_response
from exporter.collectors import registry
from exporter.collectors.allocation import Allocation
from exporter.collectors.used_models import ModelUse
from exporter.config.configuration import Account
from exporter.polling import key_check
from exporter.polling.configured_metrics import publish_labels, publish_thresholds
from exporter.polling.poller import Poller
from exporter.polling.poller_group import PollerGroup, PollingContext


class AccountRuntime(PollerGroup):
    """An account's pollers, and the check of its key."""

    def __init__(self, account: Account, context: PollingContext) -> None:
        allocation = Allocation(account)
        super().__init__(
            context,
            account.name,
            registry.enabled(account),
            upstream=context.upstream,
            key=account.key,
            operations=(key_response.OPERATION,),
            allocation=allocation,
        )
        self.account = account
        publish_thresholds(self.metrics_registry, account.name, account.thresholds)
        publish_labels(self.metrics_registry, account.name, allocation.of_account)
        self.key_check = key_check.KeyCheck(
            self._client,
            key_check.KeyMetrics(self.metrics_registry, account.name),
            context.clock,
            log.logger(account=account.name),
        )
        self._client.on_key_change = self._poll_now
        self._update_up()  # an account without collectors is up: nothing fails

    async def _poll(self, poller: Poller) -> None:
        record = await poller.poll()
        self._update_up()
        if record is not None:
            await self.key_check.check(refused=any(poller.state.refused for poller in self.pollers))
        self.context.after_poll(self.account.name)

    @property
    def used_models(self) -> tuple[ModelUse, ...]:
        """The models that the account used, as its activity collector last published them."""
        published = (poller.state.published.used_models for poller in self.pollers)
        return next(filter(None, published), ())

    def reread_key(self) -> None:
        """Read the key from its source again; if it changed, poll now."""
        self._client.reread_secret()

    def _poll_now(self) -> None:
        for poller in self.pollers:
            poller.state.not_before = float("-inf")  # it was the old key that had to wait
            if poller.polling or self._ended.is_set():
                continue  # a poll in progress uses the new key from its next request on
            if poller in self._in_progress.values():  # in the key check, so the scheduler would skip the poll
                self._again.add(poller)
            else:
                self.context.poll_now(poller.job_name)

    def inherit(self, old: Self) -> frozenset[str]:
        """Continue from the runtime that this one replaces; return the names of collectors whose data stay."""
        kept = super().inherit(old)
        self._update_up()
        return kept

    def _update_up(self) -> None:
        self._metrics.all_succeeded(all(poller.state.succeeded for poller in self.pollers))
