"""`GET /key`: what the account's own key spent, the budgets it is held to, and the quota of free requests."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.api import key_response
from exporter.api.key_response import BUDGET_REJECTION_REASONS, Budget
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.spending_and_limits import POLLED, difference, known, limits, single, spending
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

PREFIX = "openrouter_calling_key"
ACCOUNT = ("account",)
OF_BUDGET = ("account", "scope", "budget_id")

SPENDING = spending(PREFIX, ACCOUNT)
LIMITS = limits(PREFIX, ACCOUNT)


def _declared(name: str, meaning: str, labels: tuple[str, ...]) -> MetricFamily:
    return MetricFamily(name, f"{meaning}. {POLLED}", labels)


BUDGETS = (
    _declared(f"{PREFIX}_budget_limit_usd", "Limit of a budget that the key is held to, in US dollars", OF_BUDGET),
    _declared(
        f"{PREFIX}_budget_spend_usd", "What counts against a budget in its current window, in US dollars", OF_BUDGET
    ),
    _declared(
        f"{PREFIX}_budget_remaining_usd", "What remains of a budget, in US dollars; from 0 on requests fail", OF_BUDGET
    ),
    _declared(
        f"{PREFIX}_budget_resets_timestamp_seconds",
        "When a budget's window ends, as Unix time in seconds; absent if it never does",
        OF_BUDGET,
    ),
)
EFFECTIVE = (
    _declared(
        f"{PREFIX}_effective_budget_limit_usd", "Limit of the budget that stops the key first, in US dollars", ACCOUNT
    ),
    _declared(
        f"{PREFIX}_effective_budget_spend_usd",
        "What counts against the budget that stops the key first, in US dollars",
        ACCOUNT,
    ),
    _declared(
        f"{PREFIX}_effective_budget_remaining_usd",
        "What remains of the budget that stops the key first, in US dollars",
        ACCOUNT,
    ),
)
FREE = (
    _declared(
        "openrouter_free_model_requests_limit", "Requests to free models that the account has on a UTC day", ACCOUNT
    ),
    _declared("openrouter_free_model_requests_used", "Requests to free models on the current UTC day", ACCOUNT),
    _declared(
        "openrouter_free_model_requests_remaining",
        "Requests to free models that remain on the current UTC day",
        ACCOUNT,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingKeySettings(CollectorSettings):
    """The collector of `GET /key`: the budgets and quotas of the account's own key."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 3600.0


class CallingKeyCollector(Collector[CallingKeySettings]):
    """Reads what the API says of the key that asks; its memory is the last answer's digest."""

    name = "key"
    settings_type = CallingKeySettings
    title = "The calling key"
    resource = "GET /key"
    text = """\
The key that the exporter itself asks with. `scope` says what a budget holds for, `budget_id` is that of the budget or
of the guardrail, where it has one; of two with the same name the one that stops the key first is shown.
"""
    operations = (key_response.OPERATION,)
    rejection_reasons = BUDGET_REJECTION_REASONS

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of spending, limits, budgets and quota."""
        return (*SPENDING, *LIMITS, *BUDGETS, *EFFECTIVE, *FREE)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the key. The same bytes with nothing amiss in them publish nothing."""
        answer = await poll.request(key_response.REQUEST)
        if memory == answer.digest:
            return Collected(snapshot=None, memory=memory)
        with poll.reading(key_response.OPERATION):
            snapshot = self._read(answer, poll)
        return Collected(snapshot=snapshot, memory=None if poll.rejections.counts else answer.digest)

    def _read(self, answer: Response, poll: Poll) -> Snapshot:
        fields = key_response.described(answer)
        found = key_response.calling_key(fields)
        amounts = (found.limit, found.limit_remaining, difference(found.limit, found.limit_remaining))
        free = (found.free_requests.limit, found.free_requests.used, found.free_requests.remaining)
        pairs = (
            *zip(SPENDING, found.usage, strict=True),
            *zip(LIMITS, amounts, strict=True),
            *zip(FREE, free, strict=True),
            *zip(EFFECTIVE, _effective(fields, poll), strict=True),
        )
        families = [single(declaration, self.account, value) for declaration, value in pairs]
        families.extend(self._budgets(fields, poll))
        return Snapshot(tuple(families))

    def _budgets(self, fields: key_response.Fields, poll: Poll) -> list[Family]:
        tightest: dict[tuple[str, str], Budget] = {}
        for value in key_response.listed_budgets(fields):
            budget = _usable(value, poll)
            if budget is not None:
                place = (budget.scope, budget.id)
                tightest[place] = min(tightest.get(place, budget), budget, key=_remaining)
        label_sets = LabelSets(OF_BUDGET, [(self.account, *place) for place in tightest])
        rows = [(each.limit, each.spend, each.remaining, each.resets_at) for each in tightest.values()]
        return [
            Family(declaration, label_sets, [known(row[place]) for row in rows])
            for place, declaration in enumerate(BUDGETS)
        ]


def _effective(fields: key_response.Fields, poll: Poll) -> tuple[float | None, float | None, float | None]:
    value = fields.get("effective_budget")
    budget = None if value is None else _usable(value, poll)
    return (None, None, None) if budget is None else (budget.limit, budget.spend, budget.remaining)


def _usable(value: object, poll: Poll) -> Budget | None:
    budget = key_response.budget(value)
    if isinstance(budget, Budget):
        return budget
    poll.rejections.reject(budget, value)
    return None


def _remaining(budget: Budget) -> float:
    """Return what two budgets of one name are told apart by: shown is the one that stops the key first."""
    return float("inf") if budget.remaining is None else budget.remaining
