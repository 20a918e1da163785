"""Budgets: the spend in each period and the spend expected by its end, exactly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from exporter.config.budget_settings import ConfiguredBudget
from exporter.status import BudgetStatus
from tests.collectors.budget_account import MIDNIGHT, MONTH, WORKSPACES, Account, amounts, budgets, row
from tests.collectors.helpers import at, shown

DAY = timedelta(days=1)


def test_account_budget_is_published_with_spend_forecast_and_period() -> None:
    """Today counts, the previous period has its own family, and what remains may be negative."""
    polled = budgets(Account([row("2026-08-23", 500.0), row("2026-08-01", 57.0), row("2026-07-31", 8.0)]), MONTH)
    assert polled.families == {
        "limit_usd": {("month", "month"): 100.0},
        "spent_usd": {("month", "month"): 557.0},
        "remaining_usd": {("month", "month"): -457.0},
        "previous_spent_usd": {("month", "month"): 8.0},
        "expected_spent_usd": {("month", "month"): 557.0 + (57.0 + 8.0) / 4},  # a Saturday and a Friday are to come
        "period_start_timestamp_seconds": {("month", "month"): at("2026-08-01 00:00:00").timestamp()},
        "period_end_timestamp_seconds": {("month", "month"): at("2026-09-01 00:00:00").timestamp()},
        "info": {("month", "month", "configuration", "account", ""): 1.0},
        "success": {("month",): 1.0},
    }


def test_summary_of_a_budget_has_spend_remainder_and_period() -> None:
    (shown,) = budgets(Account([row("2026-08-23", 557.0)]), MONTH).collected.summary.budgets
    assert shown == BudgetStatus(
        name="month",
        period="month",
        source="configuration",
        scope="account",
        value="",
        limit_usd=100.0,
        spent_usd=557.0,
        remaining_usd=-457.0,
        period_start=at("2026-08-01 00:00:00"),
        period_end=at("2026-09-01 00:00:00"),
    )


def test_summary_of_a_guardrail_has_only_its_limit() -> None:
    account = Account([], guardrails=[{"id": "g1", "name": "interns", "limit_usd": 50, "reset_interval": "daily"}])
    (shown,) = budgets(account).collected.summary.budgets[:1]
    assert (shown.name, shown.spent_usd, shown.remaining_usd, shown.error) == ("guardrail interns", None, None, None)


def test_byok_usage_counts_as_spend_but_not_as_credits() -> None:
    polled = budgets(
        Account([row("2026-08-23", 1.5, 2.5)]),
        ConfiguredBudget(name="spend", period="day", limit_usd=1),
        ConfiguredBudget(name="credits", period="day", limit_usd=1, counts="credits"),
    )
    assert amounts(polled, "spent_usd") == {"spend": 4.0, "credits": 1.5}


def test_openrouter_budgets_are_published_with_computed_spend() -> None:
    """The spend of a workspace is computed for the same period. It is unknown for lifetime limits and guardrails."""
    account = Account(
        [row("2026-08-23", 30.0, 4.0, workspace=("w2", "Research"))],
        workspaces=WORKSPACES[1:],
        budgets={
            "data": [
                {"id": "b1", "limit_usd": 500, "reset_interval": "monthly"},
                {"id": "b2", "limit_usd": 9000, "reset_interval": None},
            ],
            "include_byok_in_budgets": True,
        },
        guardrails=[{"id": "g1", "name": "interns", "limit_usd": 50, "reset_interval": "daily"}],
    )
    polled = budgets(account)
    assert amounts(polled, "spent_usd") == {"workspace lab month": 34.0}
    assert amounts(polled, "limit_usd") == {
        "workspace lab month": 500.0,
        "workspace lab total": 9000.0,
        "guardrail interns": 50.0,
    }
    assert set(polled.families["info"]) == {
        ("workspace lab month", "month", "openrouter", "workspace", "lab"),
        ("workspace lab total", "total", "openrouter", "workspace", "lab"),
        ("guardrail interns", "day", "openrouter", "guardrail", "interns"),
    }


def test_byok_usage_counts_for_a_workspace_only_with_include_byok_in_budgets() -> None:
    account = Account(
        [row("2026-08-23", 30.0, 4.0)], workspaces=WORKSPACES[:1], budgets=[{"limit_usd": 5, "reset_interval": "daily"}]
    )
    assert amounts(budgets(account), "spent_usd") == {"workspace default day": 30.0}


def test_account_without_openrouter_budgets_is_not_a_failure() -> None:
    """404 and 403 are normal for these lists, which are requested once per hour."""
    first = budgets(Account(), MONTH)
    assert (first.collected.summary.failures, set(amounts(first, "success"))) == ((), {"month"})
    again = budgets(Account(), MONTH, memory=first.collected.memory, monotonic=300)
    assert [request.operation for request in again.client.requests] == ["analytics_query"]


def test_amounts_disappear_at_the_end_of_their_period() -> None:
    """No poll is needed. The limit stays, and the bounds of the next period are published."""
    day = ConfiguredBudget(name="day", period="day", limit_usd=5)
    collected = budgets(Account([row("2026-08-23", 3.0)]), MONTH, day).collected
    moment, snapshot = collected.successors[0]
    families = shown(snapshot)
    assert moment == MIDNIGHT + DAY
    assert families["openrouter_budget_spent_usd"] == {("month", "month"): 3.0}
    assert families["openrouter_budget_limit_usd"] == {("month", "month"): 100.0, ("day", "day"): 5.0}
    assert families["openrouter_budget_period_start_timestamp_seconds"][("day", "day")] == moment.timestamp()


def every_day(first: str, usd: Callable[[datetime], float]) -> list[Any]:
    """Return one row for each day from `first` to yesterday."""
    start = at(f"{first} 00:00:00")
    days = [start + number * DAY for number in range((MIDNIGHT - start).days)]
    return [row(str(day.date()), usd(day)) for day in days]


def test_expected_spend_follows_the_mean_of_each_weekday() -> None:
    """Weekends cost nothing here, and 6 of the last 9 days of August are working days."""
    rows = every_day("2026-07-01", lambda day: 0.0 if day.weekday() > 4 else 10.0)
    polled = budgets(Account(rows), MONTH, ConfiguredBudget(name="day", period="day", limit_usd=5))
    assert amounts(polled, "spent_usd")["month"] == 150.0
    assert amounts(polled, "expected_spent_usd") == {"month": 150.0 + 6 * 10.0}


def test_expected_spend_includes_the_rest_of_today_by_time_of_day() -> None:
    """At noon, half an ordinary day is left."""
    polled = budgets(Account(every_day("2026-07-01", lambda _: 10.0)), MONTH)
    assert amounts(polled, "expected_spent_usd") == {"month": 220.0 + 5.0 + 8 * 10.0}


def test_expected_spend_is_absent_in_the_first_four_weeks() -> None:
    """The means of the weekdays would be too low."""
    assert amounts(budgets(Account(every_day("2026-08-05", lambda _: 10.0)), MONTH), "expected_spent_usd") == {}
