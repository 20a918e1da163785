"""`GET /credits`: what the account bought, used and has left."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.api import key_response
from exporter.api.body import read_object
from exporter.api.client import Request
from exporter.api.field_values import UnusableError, number
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.spending_and_limits import POLLED, difference, single
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.errors import InvalidResponse, NoBalance
from exporter.exposition.families import MetricFamily, Snapshot

OPERATION = "credits"
LONGEST_RESPONSE = 64 * 1024

PURCHASED = MetricFamily(
    "openrouter_credits_purchased_usd",
    f"Credits bought since the account exists, in US dollars. {POLLED}",
    ("account",),
)
USED = MetricFamily(
    "openrouter_credits_used_usd", f"Credits used since the account exists, in US dollars. {POLLED}", ("account",)
)
BALANCE = MetricFamily(
    "openrouter_credits_balance_usd", f"Credits left, in US dollars; can be negative. {POLLED}", ("account",)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsSettings(CollectorSettings):
    """The collector of `GET /credits`: what was bought, used and is left."""

    enabled: Enabled = True
    interval: Interval = 60.0
    stale_after: StaleAfter = 900.0


class CreditsCollector(Collector[CreditsSettings]):
    """Reads the account's credits; its memory is the last answer's digest."""

    name = "credits"
    settings_type = CreditsSettings
    title = "Credits"
    resource = "GET /credits"
    text = """\
An ordinary key is told zeros: those are no balance, and fail the poll.
"""
    operations = (OPERATION, key_response.OPERATION)

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the three families."""
        return (PURCHASED, USED, BALANCE)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the credits. Zeros are believed only of a management key: an ordinary one is told nothing else."""
        answer = await poll.request(
            Request(operation=OPERATION, path="/credits", parameters={}, longest_response=LONGEST_RESPONSE)
        )
        with poll.reading(OPERATION):
            purchased, used = _read(answer)
        if not purchased and not used:
            await _confirm(poll)
        if memory == answer.digest:
            return Collected(snapshot=None, memory=memory)
        balance = difference(purchased, used)
        families = (
            single(PURCHASED, self.account, purchased),
            single(USED, self.account, used),
            single(BALANCE, self.account, balance),
        )
        figures = (("Credit left", balance),)
        return Collected(snapshot=Snapshot(families), memory=answer.digest, figures=figures)


async def _confirm(poll: Poll) -> None:
    """Raise NoBalance unless the API says that this is a management key."""
    answer = await poll.request(key_response.REQUEST)
    with poll.reading(key_response.OPERATION):
        kind = key_response.kind_of(key_response.described(answer))
    if not kind.is_management:
        what = "an ordinary key" if kind.is_management is False else "a key of unknown kind"
        raise NoBalance(f"0 bought and 0 used, as told to {what}: that is no balance; a management key is needed")


def _read(answer: Response) -> tuple[float, float]:
    fields = read_object(answer, "credits")
    try:
        purchased, used = number(fields, "total_credits"), number(fields, "total_usage")
    except UnusableError as error:
        raise InvalidResponse(f"not credits: {error}") from None
    if purchased is None or used is None:
        raise InvalidResponse("not credits: expected total_credits and total_usage")
    return purchased, used
