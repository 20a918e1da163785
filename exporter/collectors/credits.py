"""`GET /credits`: credits purchased, used and left."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.api import key_response
from exporter.api.body import read_object
from exporter.api.client import Request
from exporter.api.field_values import Fields
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import difference, families_of, gauge
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.errors import InvalidResponse, NoBalance
from exporter.exposition.families import MetricFamily, Snapshot
from exporter.status import CREDIT_LEFT

OPERATION = "credits"
LONGEST_RESPONSE = 64 * 1024

PURCHASED = gauge(
    "openrouter_credits_purchased_usd",
    "Total credits purchased over the account's lifetime, in US dollars.",
    ("account",),
)
USED = gauge(
    "openrouter_credits_used_usd",
    "Total credits used over the account's lifetime, in US dollars.",
    ("account",),
)
BALANCE = gauge(
    "openrouter_credits_balance_usd",
    "Credits left (purchased minus used), in US dollars. Can be negative.",
    ("account",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsSettings(CollectorSettings):
    """The collector of `GET /credits`: credits purchased, used and left."""

    enabled: Enabled = True
    interval: Interval = 60.0
    stale_after: StaleAfter = 900.0


class CreditsCollector(Collector[CreditsSettings]):
    """Reads the account's credits. Its memory is the digest of the previous response."""

    name = "credits"
    settings_type = CreditsSettings
    title = "Credits"
    resource = "GET /credits"
    text = """\
The API returns zeros to a key that is not a management key. These are not a balance, so the poll fails.
"""
    operations = (OPERATION, key_response.OPERATION)

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the three families."""
        return (PURCHASED, USED, BALANCE)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the credits. Zeros count only with a management key: for any other key the API always returns zeros."""
        response = await poll.request(
            Request(operation=OPERATION, path="/credits", parameters={}, longest_response=LONGEST_RESPONSE)
        )
        with poll.reading(OPERATION):
            purchased, used = _read(response)
        if not purchased and not used:
            await _confirm(poll)
        if memory == response.digest:
            return Collected(snapshot=None, memory=memory)
        balance = difference(purchased, used)
        families = families_of((PURCHASED, USED, BALANCE), [(self.account,)], [(purchased, used, balance)])
        return Collected(
            snapshot=Snapshot(tuple(families)),
            memory=response.digest,
            summary=Summary(figures=((CREDIT_LEFT, balance),)),
        )


async def _confirm(poll: Poll) -> None:
    """Raise NoBalance unless the API reports that this is a management key."""
    response = await poll.request(key_response.REQUEST)
    with poll.reading(key_response.OPERATION):
        kind = key_response.kind_of(key_response.described(response))
    if not kind.is_management:
        why = "this is not a management key" if kind.is_management is False else "the kind of this key is unknown"
        raise NoBalance(f"the API returned zeros, but {why}: that is not a balance; a management key is needed")


def _read(response: Response) -> tuple[float, float]:
    fields = Fields(read_object(response, "credits"))
    purchased, used = fields.amount("total_credits"), fields.amount("total_usage")
    if fields.unreadable:
        raise InvalidResponse(f"not credits: expected a number in {' and '.join(fields.unreadable)}")
    if purchased is None or used is None:
        raise InvalidResponse("not credits: expected total_credits and total_usage")
    return purchased, used
