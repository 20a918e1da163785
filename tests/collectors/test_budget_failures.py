"""Budgets that cannot be read: each fails independently, and a failed query never makes a budget look unspent."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, cast

import pytest

from exporter.api.client import Client
from exporter.collectors.base import Poll
from exporter.collectors.budgets.budgets_collector import BudgetsCollector, BudgetsSettings
from exporter.config.budget_settings import ConfiguredBudget
from exporter.errors import DeadlineExceeded, InvalidResponse, StatusError
from tests.collectors.budget_account import (
    ERROR,
    KEYS,
    MONTH,
    WORKSPACES,
    Account,
    amounts,
    amounts_of,
    budgets,
    digits,
    row,
)
from tests.collectors.helpers import at, shown
from tests.collectors.scripted_polls import PollResult, ScriptedClient, reply
from tests.support import NOON, FakeClock


def test_status_of_a_failed_budget_has_its_error_and_last_amounts() -> None:
    """A poll without an earlier success has no amounts."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab)
    account.fails = lambda query: ERROR if query.get("filters") else None
    for memory, spent in ((first.collected.memory, 30.0), (None, None)):
        _, shown = budgets(account, MONTH, lab, memory=memory).collected.summary.budgets
        assert (shown.name, shown.limit_usd, shown.spent_usd, shown.error) == ("lab", 10.0, spent, str(ERROR))


class Late(InvalidResponse, DeadlineExceeded):
    """An error that a client may raise, and a deadline."""


def test_budget_past_its_deadline_fails_alone() -> None:
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 3.0)], fails=lambda query: Late("late") if query.get("filters") else None)
    assert {"month": 3.0} == amounts(budgets(account, lab, MONTH), "spent_usd")


class TickingClock(FakeClock):
    """A clock that advances by `step` seconds whenever it is read."""

    step = 0.0

    def monotonic(self) -> float:
        self.advance(self.step)
        return super().monotonic()


async def test_deadline_while_spend_is_summed_does_not_affect_other_budgets() -> None:
    clock = TickingClock(NOON)
    days = [ConfiguredBudget(name=f"day {number}", period="day", limit_usd=10, workspace="lab") for number in range(10)]

    def respond_late(query: Any) -> None:
        if query.get("filters"):
            clock.advance(299.5)
            clock.step = 0.1

    account = Account([row("2026-08-23", 3.0)], fails=respond_late)
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", account.client()), clock=clock)
    collector = BudgetsCollector("default", BudgetsSettings(include_openrouter=False), [MONTH, *days])
    collected = await collector.collect(poll, None)
    assert collected.snapshot is not None
    spent, failures = amounts_of(collected.snapshot, "spent_usd"), dict(collected.summary.failures)
    assert 3.0 == spent["month"]
    assert {"the poll's time is over"} == set(failures.values())
    assert {budget.name for budget in (MONTH, *days)} == {*spent, *(part.removeprefix("budget ") for part in failures)}


def test_openrouter_budgets_past_their_deadline_do_not_affect_others() -> None:
    account = Account([row("2026-08-23", 3.0)], workspaces=Late("late"))
    polled = budgets(account, MONTH)
    assert {"month": 3.0} == amounts(polled, "spent_usd")
    assert (("budgets of OpenRouter", "late"),) == polled.collected.summary.failures


def test_failed_query_keeps_the_last_amounts_until_they_expire() -> None:
    """A spent budget must never look unspent."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab)
    assert amounts(first, "spent_usd") == {"month": 30.0, "lab": 30.0}
    account.fails = lambda query: ERROR if query.get("filters") else None
    kept = budgets(account, MONTH, lab, memory=first.collected.memory, monotonic=1800)
    assert amounts(kept, "spent_usd") == {"month": 30.0, "lab": 30.0}
    assert amounts(kept, "success") == {"month": 1.0, "lab": 0.0}
    expired = budgets(account, MONTH, lab, memory=kept.collected.memory, monotonic=3600)
    assert amounts(expired, "spent_usd") == {"month": 30.0}


def test_kept_amounts_are_dropped_when_their_period_ends() -> None:
    """Yesterday's spend is not today's. The limit and the period stay."""
    today = ConfiguredBudget(name="today", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))], server=at("2026-08-23 23:59:00"))
    first = budgets(account, MONTH, today, now=at("2026-08-23 23:59:00"))
    account.server = at("2026-08-24 00:04:00")
    account.fails = lambda query: ERROR if query.get("filters") else None
    kept = budgets(account, MONTH, today, now=at("2026-08-24 00:04:00"), memory=first.collected.memory, monotonic=300)
    assert "today" not in amounts(kept, "spent_usd") | amounts(kept, "remaining_usd")
    assert amounts(kept, "limit_usd") == {"month": 100.0, "today": 10.0}
    assert amounts(kept, "period_start_timestamp_seconds")["today"] == at("2026-08-24 00:00:00").timestamp()


def test_kept_amounts_expire_without_another_poll() -> None:
    """They expire even if all later polls fail, and the amounts read by this poll stay longer."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab)
    account.fails = lambda query: ERROR if query.get("filters") else None
    later = NOON + timedelta(minutes=30)
    kept = budgets(account, MONTH, lab, memory=first.collected.memory, now=later, monotonic=1800).collected
    moment, snapshot = kept.successors[0]
    assert moment == NOON + timedelta(hours=1)
    assert set(shown(snapshot)["openrouter_budget_spent_usd"]) == {("month", "month")}
    assert set(shown(snapshot)["openrouter_budget_limit_usd"]) == {("month", "month")}
    assert [budget.at(moment).spent_usd for budget in kept.summary.budgets] == [30.0, None]
    assert [budget.at(moment - timedelta(seconds=1)).spent_usd for budget in kept.summary.budgets] == [30.0, 30.0]


def test_kept_amounts_of_several_polls_expire_one_after_another() -> None:
    """A period that ends in between drops its own amounts."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    beta = ConfiguredBudget(name="beta", period="day", limit_usd=10, key="beta")
    start = at("2026-08-23 23:10:00")
    account, memory = (
        Account([row("2026-08-23", 1.0, workspace=("w2", "Research"), api_key_id=(digits("beta"), "beta"))]),
        None,
    )
    broken: set[str] = set()
    account.fails = lambda query: (
        ERROR if broken & {condition["field"] for condition in query.get("filters", [])} else None
    )

    def poll(minutes: int) -> PollResult:
        account.server = start + timedelta(minutes=minutes)
        return budgets(account, MONTH, lab, beta, now=account.server, memory=memory, monotonic=minutes * 60.0)

    memory = poll(0).collected.memory
    broken.add("workspace")
    memory = poll(10).collected.memory
    broken.add("api_key_id")
    assert [
        (moment - start, set(amounts_of(snapshot, "limit_usd")), set(amounts_of(snapshot, "spent_usd")))
        for moment, snapshot in poll(20).collected.successors[:3]
    ] == [
        (timedelta(minutes=50), {"month", "lab", "beta"}, {"month"}),
        (timedelta(minutes=60), {"month", "beta"}, {"month"}),
        (timedelta(minutes=70), {"month"}, {"month"}),
    ]


def test_failed_list_keeps_the_last_amounts_of_its_budgets() -> None:
    """A key that could not be looked up may still exist."""
    beta = ConfiguredBudget(name="beta", period="day", limit_usd=10, key="beta")
    account = Account([row("2026-08-23", 3.0, api_key_id=(digits("beta"), "beta"))])
    first = budgets(account, MONTH, beta, include_openrouter=False)
    account.workspaces = ERROR
    for seconds, kept in ((300, {"month", "beta"}), (3600, {"month"})):
        polled = budgets(
            account, MONTH, beta, memory=first.collected.memory, monotonic=seconds, include_openrouter=False
        )
        assert set(amounts(polled, "spent_usd")) == kept
        assert amounts(polled, "success") == {"month": 1.0, "beta": 0.0}


def test_openrouter_limits_expire_while_their_list_fails() -> None:
    """The list is read once per hour, and `stale_after` counts from its first failure."""
    account = Account(
        [row("2026-08-23", 30.0)],
        workspaces=WORKSPACES[:1],
        budgets=[{"limit_usd": 5, "reset_interval": reset} for reset in ("daily", None)],
    )
    memory = budgets(account, MONTH).collected.memory
    account.budgets = ERROR
    own = {"workspace default day", "workspace default total"}
    polled = budgets(account, MONTH, memory=memory, now=NOON + timedelta(minutes=90), monotonic=5400)
    assert set(amounts(polled, "limit_usd")) == {"month", *own}
    moment, snapshot = polled.collected.successors[0]
    assert (moment, set(amounts_of(snapshot, "limit_usd"))) == (NOON + timedelta(hours=2), {"month"})
    polled = budgets(account, MONTH, memory=polled.collected.memory, now=NOON + timedelta(hours=2), monotonic=7200)
    assert set(amounts(polled, "limit_usd")) == {"month"}
    assert [part for part, _ in polled.collected.summary.failures] == ["budgets of OpenRouter"]


def test_kept_values_with_infinite_stale_after_do_not_expire() -> None:
    lab = ConfiguredBudget(name="lab", period="month", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab, stale_after=math.inf)
    account.fails = lambda query: ERROR if query.get("filters") else None
    kept = budgets(account, MONTH, lab, memory=first.collected.memory, monotonic=1e6, stale_after=math.inf)
    assert amounts(kept, "spent_usd") == {"month": 30.0, "lab": 30.0}
    assert all(set(amounts_of(left, "limit_usd")) == {"month", "lab"} for _, left in kept.collected.successors)


def test_poll_fails_if_nothing_could_be_read() -> None:
    """The store then keeps the last snapshot."""
    with pytest.raises(StatusError):
        budgets(Account(fails=lambda _: ERROR), MONTH)


def test_budget_of_a_deleted_key_has_only_success_0() -> None:
    beta = ConfiguredBudget(name="beta", period="day", limit_usd=10, key="beta")
    account = Account([row("2026-08-23", 3.0, api_key_id=(digits("beta"), "beta"))])
    first = budgets(account, MONTH, beta)
    account.keys = KEYS[:1]
    second = budgets(account, MONTH, beta, memory=first.collected.memory, monotonic=300)
    assert {name: set(amounts(second, name)) for name in ("limit_usd", "spent_usd", "info")} == {
        "limit_usd": {"month"},
        "spent_usd": {"month"},
        "info": {"month"},
    }
    assert amounts(second, "success") == {"month": 1.0, "beta": 0.0}


def test_failed_list_of_openrouter_budgets_does_not_affect_others() -> None:
    """The failure is named, and the next poll reads the list again."""
    polled = budgets(Account([row("2026-08-23", 3.0)], budgets=ERROR), MONTH)
    assert amounts(polled, "spent_usd") == {"month": 3.0}
    assert [part for part, _ in polled.collected.summary.failures] == ["budgets of OpenRouter"]
    again = budgets(Account(), MONTH, memory=polled.collected.memory, monotonic=300)
    assert "workspace_budgets" in [request.operation for request in again.client.requests]


def test_partial_response_fails_the_budget() -> None:
    """A sum without some of its rows would be too small."""
    account = Account()
    account.client = lambda: ScriptedClient([reply([], truncated=True)])  # type: ignore[method-assign]
    with pytest.raises(InvalidResponse, match="cut off"):
        budgets(account, MONTH, include_openrouter=False)
