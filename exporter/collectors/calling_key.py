"""`GET /key`: what the exporter's own key spent, the budgets that apply to it, and the quota of free requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.api import key_response
from exporter.api.key_response import BUDGET_REJECTION_REASONS, KeyBudget
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.common import difference, families_of, gauge, limits, periods_of, spending, successors
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.exposition.families import Family, MetricFamily, Snapshot

PREFIX = "openrouter_calling_key"
ACCOUNT = ("account",)
OF_BUDGET = ("account", "scope", "budget_id")

SPENDING = spending(PREFIX, ACCOUNT)
LIMITS = limits(PREFIX, ACCOUNT)
BUDGETS = (
    gauge(f"{PREFIX}_budget_limit_usd", "Limit of a budget that applies to the key, in US dollars.", OF_BUDGET),
    gauge(f"{PREFIX}_budget_spend_usd", "Spend in the budget's current window, in US dollars.", OF_BUDGET),
    gauge(
        f"{PREFIX}_budget_remaining_usd",
        "What remains of a budget, in US dollars. Requests fail once it reaches 0.",
        OF_BUDGET,
    ),
    gauge(
        f"{PREFIX}_budget_resets_timestamp_seconds",
        "When a budget's window ends, as Unix time in seconds. Absent if it never does.",
        OF_BUDGET,
    ),
)
EFFECTIVE = (
    gauge(
        f"{PREFIX}_effective_budget_limit_usd", "Limit of the budget that stops the key first, in US dollars.", ACCOUNT
    ),
    gauge(
        f"{PREFIX}_effective_budget_spend_usd",
        "Spend in the current window of the budget that stops the key first, in US dollars.",
        ACCOUNT,
    ),
    gauge(
        f"{PREFIX}_effective_budget_remaining_usd",
        "What remains of the budget that stops the key first, in US dollars.",
        ACCOUNT,
    ),
)
FREE = (
    gauge("openrouter_free_model_requests_limit", "Requests to free models allowed per UTC day.", ACCOUNT),
    gauge("openrouter_free_model_requests_used", "Requests to free models on the current UTC day.", ACCOUNT),
    gauge(
        "openrouter_free_model_requests_remaining",
        "Requests to free models that remain on the current UTC day.",
        ACCOUNT,
    ),
)
PERIODS = {**periods_of(SPENDING), FREE[1]: "day", FREE[2]: "day"}  # used and remaining on the current UTC day


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingKeySettings(CollectorSettings):
    """The collector of `GET /key`: the budgets and quotas of the exporter's own key."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 3600.0


class CallingKeyCollector(Collector[CallingKeySettings]):
    """Reads the calling key. Its memory is the day and the digest of the previous response."""

    name = "key"
    settings_type = CallingKeySettings
    title = "The calling key"
    resource = "GET /key"
    text = """\
The key that the exporter itself uses. `scope` is what a budget applies to; `budget_id` is the ID of the budget or of
the guardrail, if it has one. Of two budgets with the same labels, the one that stops the key first is published.
When a day, week or month ends, what was spent in it disappears at that instant, until the next poll.
"""
    operations = (key_response.OPERATION,)
    rejection_reasons = BUDGET_REJECTION_REASONS

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of spending, limits, budgets and quota."""
        return (*SPENDING, *LIMITS, *BUDGETS, *EFFECTIVE, *FREE)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the key. The same bytes on the same day, if nothing in them was rejected, publish nothing."""
        response = await poll.request(key_response.REQUEST)
        version = (poll.today, response.digest)
        if memory == version:
            return Collected(snapshot=None, memory=memory)
        with poll.reading(key_response.OPERATION):
            families = self._read(response, poll)
        return Collected(
            snapshot=Snapshot(tuple(families)),
            memory=None if poll.rejections else version,
            successors=successors(families, PERIODS, poll.today),
        )

    def _read(self, response: Response, poll: Poll) -> list[Family]:
        fields = key_response.described(response, poll.rejections.unreadable)
        usage = key_response.usage(fields)
        limit, remaining = fields.limit("limit", "limit_remaining")
        quota = fields.object("free_model_daily_requests")
        free_limit, free_remaining = quota.limit("limit", "remaining")
        budget = key_response.effective_budget(fields, poll.rejections)
        effective = (None, None, None) if budget is None else (budget.limit, budget.spend, budget.remaining)
        limits_of_key = (limit, remaining, difference(limit, remaining))
        free = (free_limit, quota.count("used"), free_remaining)
        of_key = families_of(
            (*SPENDING, *LIMITS, *FREE, *EFFECTIVE), [(self.account,)], [(*usage, *limits_of_key, *free, *effective)]
        )
        return [*of_key, *self._budgets(key_response.budgets(fields, poll.rejections))]

    def _budgets(self, budgets: Iterable[KeyBudget]) -> list[Family]:
        """Return the families of budgets. Of those with the same labels, the one that stops the key first counts."""
        tightest: dict[tuple[str, str], KeyBudget] = {}
        for budget in budgets:
            name = (budget.scope, budget.id)
            tightest[name] = min(tightest.get(name, budget), budget, key=_remaining)
        rows = [(budget.limit, budget.spend, budget.remaining, budget.resets_at) for budget in tightest.values()]
        return families_of(BUDGETS, [(self.account, *name) for name in tightest], rows)


def _remaining(budget: KeyBudget) -> float:
    return float("inf") if budget.remaining is None else budget.remaining
