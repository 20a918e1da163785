"""Scopes of budgets: what each name refers to, and which budgets share a query."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.config.budget_settings import ConfiguredBudget
from tests.collectors.balances import key
from tests.collectors.budget_account import KEYS, MONTH, Account, amounts, budgets, digits, row


@pytest.mark.parametrize(
    ("scope", "dimension"),
    [
        ({"workspace": "w2"}, {"workspace": ("w2", "Research")}),
        ({"workspace": "lab"}, {"workspace": ("w2", "Research")}),
        ({"workspace": "Research"}, {"workspace": ("w2", "Research")}),
        ({"key": digits("beta")}, {"api_key_id": (digits("beta"), "beta")}),
        ({"key": digits("beta")[:12]}, {"api_key_id": (digits("beta"), "beta")}),
        ({"key": "beta"}, {"api_key_id": (digits("beta"), "beta")}),
        ({"member": "user_1"}, {"user": ("user_1", "Ada")}),
        ({"model": "acme/one"}, {"model": ("acme/one-20260101", "acme/one-20260101")}),
        ({"model": "acme/one-20260101"}, {"model": ("acme/one-20260101", "acme/one-20260101")}),
        ({"model": "acme/embed"}, {"model": ("acme/embed-20260101", "acme/embed-20260101")}),
    ],
)
def test_scope_counts_only_its_own_spend(scope: dict[str, str], dimension: dict[str, Any]) -> None:
    """It can be given by id, slug or name."""
    polled = budgets(
        Account([row("2026-08-23", 3.0, **dimension), row("2026-08-23", 40.0)]),
        ConfiguredBudget(name="part", period="day", limit_usd=10, **scope),  # type: ignore[arg-type]
    )
    assert amounts(polled, "spent_usd") == {"part": 3.0}
    assert next(iter(polled.families["info"]))[2:] == ("configuration", *next(iter(scope.items())))


def test_all_pages_of_the_list_of_models_are_read() -> None:
    spend = row("2026-08-23", 3.0, model=("acme/embed-20260101", "acme/embed-20260101"))
    budget = ConfiguredBudget(name="part", period="day", limit_usd=10, model="acme/embed")
    assert amounts(budgets(Account([spend], in_parts=True), budget), "spent_usd") == {"part": 3.0}


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        ({"workspace": "nowhere"}, "no workspace has the id, slug or name nowhere"),
        ({"key": "gone"}, "no key has the hash or name gone"),
        ({"key": "twin"}, "several keys are called twin: aaaaaaaaaaaa, bbbbbbbbbbbb"),
        ({"member": "user_9"}, "no member of the organization has the id user_9"),
        ({"member": "ada@example.com"}, "no member of the organization has the id <e-mail>"),
        ({"key": "ada@example.com"}, "no key has the hash or name <e-mail>"),
        ({"model": "acme/none"}, "no model has the slug or permaslug acme/none"),
    ],
)
def test_unknown_or_ambiguous_scope_fails_its_budget_alone(scope: dict[str, str], error: str) -> None:
    """It has no amounts, and the other budgets are published."""
    polled = budgets(
        Account([row("2026-08-23", 3.0)]),
        MONTH,
        ConfiguredBudget(name="part", period="day", limit_usd=10, **scope),  # type: ignore[arg-type]
    )
    assert amounts(polled, "spent_usd") == {"month": 3.0}
    assert amounts(polled, "success") == {"month": 1.0, "part": 0.0}
    assert polled.collected.summary.failures == (("budget part", error),)


def test_budgets_of_one_kind_share_a_query() -> None:
    """50 budgets need one query for the account, one for all keys, and the lists that name them."""
    names = [f"key {number}" for number in range(48)]
    account = Account(
        [row("2026-08-23", number, api_key_id=(digits(name), name)) for number, name in enumerate(names)],
        keys=[key(name, workspace_id="w1") for name in names],
    )
    polled = budgets(
        account,
        MONTH,
        ConfiguredBudget(name="week", period="week", limit_usd=5),
        *(ConfiguredBudget(name=name, period="day", limit_usd=5, key=name) for name in names),
        include_openrouter=False,
    )
    assert [request.operation for request in polled.client.requests] == [
        "workspaces",
        "keys",
        "keys",
        "analytics_query",
        "analytics_query",
    ]
    assert amounts(polled, "spent_usd") == {
        "month": sum(range(48)),
        "week": sum(range(48)),
    } | {name: float(number) for number, name in enumerate(names)}


def test_keys_with_the_same_name_have_separate_queries() -> None:
    """Rows have only the name of a key, so one query for both would mix them."""
    account = Account(
        [
            row("2026-08-23", 1.0, api_key_id=("a" * 64, "twin")),
            row("2026-08-23", 2.0, api_key_id=("b" * 64, "twin")),
        ],
        keys=KEYS,
    )
    first, second = (ConfiguredBudget(name=name, period="day", limit_usd=5, key=name * 12) for name in "ab")
    assert amounts(budgets(account, first, second), "spent_usd") == {"a": 1.0, "b": 2.0}


def test_renamed_key_is_queried_separately() -> None:
    """Its rows may still have the old name."""
    account = Account(
        [
            row("2026-08-23", 1.0, api_key_id=(digits("alpha"), "an older name")),
            row("2026-08-23", 2.0, api_key_id=(digits("beta"), "beta")),
        ]
    )
    first, second = (ConfiguredBudget(name=name, period="day", limit_usd=5, key=name) for name in ("alpha", "beta"))
    assert amounts(budgets(account, first, second), "spent_usd") == {"alpha": 1.0, "beta": 2.0}
