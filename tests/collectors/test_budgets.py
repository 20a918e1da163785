"""Budgets: exact, each by itself, and never unspent because a query failed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from exporter.api.client import Request
from exporter.api.response import Response
from exporter.collectors.budgets.budgets_collector import BudgetsCollector, BudgetsSettings
from exporter.config.budget_settings import ConfiguredBudget
from exporter.errors import AttemptError, DeadlineExceeded, InvalidResponse, StatusError
from exporter.exposition.families import Snapshot
from exporter.status import BudgetStatus
from tests.collectors.balances import key
from tests.collectors.helpers import answer, at, shown
from tests.collectors.scripted_polls import PollResult, ScriptedClient, ask, reply
from tests.support import NOON

DAY = timedelta(days=1)
MIDNIGHT = at("2026-08-23 00:00:00")
WORKSPACES = [{"id": "w1", "slug": "default", "name": "Default"}, {"id": "w2", "slug": "lab", "name": "Research"}]
KEYS = [
    key("alpha", workspace_id="w1"),
    key("beta", workspace_id="w2"),
    key("twin", hash="a" * 64),
    key("twin", hash="b" * 64),
]
MODELS = [
    {"id": "acme/one", "canonical_slug": "acme/one-20260101"},
    {"id": "acme/one:free", "canonical_slug": "acme/one-20260101:free"},
]
EMBEDDING = {"id": "acme/embed", "canonical_slug": "acme/embed-20260101"}
MONTH = ConfiguredBudget(name="month", period="month", limit_usd=100.0)
NOT_FOUND = StatusError(404, "Resource not found")
ERROR = StatusError(500, "Internal Server Error")


def digits(name: str) -> str:
    return sha256(name.encode()).hexdigest()


@dataclass
class Account:
    """An account of the API: rows of spend with their scope, and lists. An exception in place of data is raised."""

    rows: Any = ()
    workspaces: Any = field(default_factory=lambda: WORKSPACES)
    keys: Any = field(default_factory=lambda: KEYS)
    members: Any = field(default_factory=lambda: [{"id": "user_1", "email": "a@example.com"}])
    budgets: Any = NOT_FOUND
    guardrails: Any = NOT_FOUND
    in_parts: bool = False  # the list of models
    server: datetime = NOON
    fails: Callable[[Any], Exception | None] = lambda _: None

    def client(self) -> ScriptedClient:
        return ScriptedClient(self._serve)

    def _serve(self, request: Request) -> Response | AttemptError:
        if request.content is not None:
            return self._query(json.loads(request.content))
        listed = {
            "/workspaces": self.workspaces,
            "/keys": [each for each in self.keys if each["workspace_id"] == request.parameters.get("workspace_id")],
            "/organization/members": self.members,
            "/models": self._models(request.parameters),
            "/guardrails": self.guardrails,
        }.get(request.path, self.budgets)
        if isinstance(listed, AttemptError):
            return listed
        return answer(json.dumps(listed if isinstance(listed, dict) else {"data": listed}).encode(), self.server)

    def _models(self, parameters: Mapping[str, str]) -> Any:
        models = [*MODELS, *([EMBEDDING] if parameters.get("output_modalities") == "all" else [])]
        if not self.in_parts:
            return models
        offset = int(parameters.get("offset", "0"))
        return {"data": models[offset : offset + 2], "total_count": len(models)}

    def _query(self, query: Any) -> Response | AttemptError:
        failure = self.fails(query)
        if isinstance(failure, AttemptError):
            return failure
        conditions = {each["field"]: each["value"] for each in query.get("filters", [])}
        dimensions = query.get("dimensions", [])
        sums: dict[tuple[str, ...], list[float]] = {}
        for day, usd, byok, ids, labels in self.rows:
            if day < query["time_range"]["start"][:10] or any(ids[name] not in ok for name, ok in conditions.items()):
                continue
            amounts = sums.setdefault((day, *(labels[name] for name in dimensions)), [0.0, 0.0])
            amounts[0] += usd
            amounts[1] += byok
        rows = [
            {"date__day": key[0], "credits_usage": usd, "byok_usage": byok}
            | dict(zip(dimensions, key[1:], strict=True))
            for key, (usd, byok) in sums.items()
        ]
        return reply(rows, server=self.server)


def row(day: str, usd: float, byok: float = 0.0, **scope: tuple[str, str]) -> Any:
    """A row of spend; each scope has the id that filters compare and the label that rows contain."""
    whole = {"api_key_id": ("", ""), "workspace": ("w1", "Default"), "user": ("", ""), "model": ("", "")} | scope
    return (
        day,
        usd,
        byok,
        {name: value[0] for name, value in whole.items()},
        {name: value[1] for name, value in whole.items()},
    )


def budgets(
    account: Account,
    *configured: ConfiguredBudget,
    now: datetime = NOON,
    memory: object = None,
    monotonic: float = 0.0,
    **more: Any,
) -> PollResult:
    collector = BudgetsCollector("default", BudgetsSettings(**more), configured)
    return ask(collector, account.client(), now=now, memory=memory, monotonic=monotonic, prefix="openrouter_budget_")


def amounts(polled: PollResult, family: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in polled.families.get(family, {}).items()}


def amounts_of(snapshot: Snapshot, family: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in shown(snapshot)[f"openrouter_budget_{family}"].items()}


def test_budget_of_the_account() -> None:
    """Today included; the month before as well; what remains may be negative."""
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


def test_budgets_for_the_landing_page() -> None:
    """What is spent, what is left, and the period."""
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


def test_failed_budget_is_shown_to_people_with_its_error() -> None:
    """Beside the amounts of the last poll that could read it, if there was one."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab)
    account.fails = lambda query: ERROR if query.get("filters") else None
    for memory, spent in ((first.collected.memory, 30.0), (None, None)):
        _, shown = budgets(account, MONTH, lab, memory=memory).collected.summary.budgets
        assert (shown.name, shown.limit_usd, shown.spent_usd, shown.error) == ("lab", 10.0, spent, str(ERROR))


def test_budget_without_a_period_has_no_spend_to_show() -> None:
    """A guardrail: its limit alone."""
    account = Account([], guardrails=[{"id": "g1", "name": "interns", "limit_usd": 50, "reset_interval": "daily"}])
    (shown,) = budgets(account).collected.summary.budgets[:1]
    assert (shown.name, shown.spent_usd, shown.remaining_usd, shown.error) == ("guardrail interns", None, None, None)


def test_own_provider_keys_count_as_spend_but_not_as_credits() -> None:
    """`counts` decides."""
    polled = budgets(
        Account([row("2026-08-23", 1.5, 2.5)]),
        ConfiguredBudget(name="spend", period="day", limit_usd=1),
        ConfiguredBudget(name="credits", period="day", limit_usd=1, counts="credits"),
    )
    assert amounts(polled, "spent_usd") == {"spend": 4.0, "credits": 1.5}


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
def test_scope_counts_its_own_spend_alone(scope: dict[str, str], dimension: dict[str, Any]) -> None:
    """By any of the names that people use."""
    polled = budgets(
        Account([row("2026-08-23", 3.0, **dimension), row("2026-08-23", 40.0)]),
        ConfiguredBudget(name="part", period="day", limit_usd=10, **scope),  # type: ignore[arg-type]
    )
    assert amounts(polled, "spent_usd") == {"part": 3.0}
    assert next(iter(polled.families["info"]))[2:] == ("configuration", *next(iter(scope.items())))


def test_list_of_models_in_parts_is_followed_to_its_end() -> None:
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
        ({"model": "acme/none"}, "no model has the slug or permaslug acme/none"),
    ],
)
def test_unknown_or_ambiguous_scope_fails_its_budget_alone(scope: dict[str, str], error: str) -> None:
    """It has no amounts, and the others go on."""
    polled = budgets(
        Account([row("2026-08-23", 3.0)]),
        MONTH,
        ConfiguredBudget(name="part", period="day", limit_usd=10, **scope),  # type: ignore[arg-type]
    )
    assert amounts(polled, "spent_usd") == {"month": 3.0}
    assert amounts(polled, "success") == {"month": 1.0, "part": 0.0}
    assert polled.collected.summary.failures == (("budget part", error),)


class Late(InvalidResponse, DeadlineExceeded):
    """Both what a script may reply, and a deadline."""


def test_budget_without_time_fails_alone() -> None:
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 3.0)], fails=lambda query: Late("late") if query.get("filters") else None)
    assert {"month": 3.0} == amounts(budgets(account, lab, MONTH), "spent_usd")


def test_budgets_of_openrouter_without_time_cost_no_other() -> None:
    account = Account([row("2026-08-23", 3.0)], workspaces=Late("late"))
    polled = budgets(account, MONTH)
    assert {"month": 3.0} == amounts(polled, "spent_usd")
    assert (("budgets of OpenRouter", "late"),) == polled.collected.summary.failures


def test_failed_query_keeps_the_last_amounts_until_they_expire() -> None:
    """A spent budget never becomes an unspent one."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab)
    assert amounts(first, "spent_usd") == {"month": 30.0, "lab": 30.0}
    account.fails = lambda query: ERROR if query.get("filters") else None
    kept = budgets(account, MONTH, lab, memory=first.collected.memory, monotonic=1800)
    assert amounts(kept, "spent_usd") == {"month": 30.0, "lab": 30.0}
    assert amounts(kept, "success") == {"month": 1.0, "lab": 0.0}
    gone = budgets(account, MONTH, lab, memory=kept.collected.memory, monotonic=3600)
    assert amounts(gone, "spent_usd") == {"month": 30.0}


def test_kept_amounts_of_a_period_that_ended_are_gone() -> None:
    """Yesterday's spend is not today's; limit and period stay."""
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
    """All later polls may fail; what this poll read stays longer."""
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
    """A period that ends in between takes its own amounts along."""
    lab = ConfiguredBudget(name="lab", period="day", limit_usd=10, workspace="lab")
    beta = ConfiguredBudget(name="beta", period="day", limit_usd=10, key="beta")
    start = at("2026-08-23 23:10:00")
    account, memory = (
        Account([row("2026-08-23", 1.0, workspace=("w2", "Research"), api_key_id=(digits("beta"), "beta"))]),
        None,
    )
    broken: set[str] = set()
    account.fails = lambda query: ERROR if broken & {each["field"] for each in query.get("filters", [])} else None

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


def test_list_that_fails_keeps_the_last_amounts_of_its_budgets() -> None:
    """Not being able to look a key up is not the same as the key being gone."""
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


def test_limits_of_openrouter_expire_while_their_list_fails() -> None:
    """The list is read once an hour, and its limits stay for `stale_after` from when that fails."""
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


def test_values_that_never_go_stale_have_no_end() -> None:
    lab = ConfiguredBudget(name="lab", period="month", limit_usd=10, workspace="lab")
    account = Account([row("2026-08-23", 30.0, workspace=("w2", "Research"))])
    first = budgets(account, MONTH, lab, stale_after=math.inf)
    account.fails = lambda query: ERROR if query.get("filters") else None
    kept = budgets(account, MONTH, lab, memory=first.collected.memory, monotonic=1e6, stale_after=math.inf)
    assert amounts(kept, "spent_usd") == {"month": 30.0, "lab": 30.0}
    assert all(set(amounts_of(left, "limit_usd")) == {"month", "lab"} for _, left in kept.collected.successors)


def test_poll_fails_if_nothing_could_be_read() -> None:
    """The store keeps the last snapshot."""
    with pytest.raises(StatusError):
        budgets(Account(fails=lambda _: ERROR), MONTH)


def test_key_that_was_deleted_takes_its_series_along() -> None:
    """Its budget's success is 0."""
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


def test_budgets_of_one_kind_share_a_query() -> None:
    """50 budgets: 1 request for the account, 1 for all keys, and the lists that name them."""
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


def test_keys_of_one_name_have_queries_of_their_own() -> None:
    """Rows name a key by its name, so together they could not be told apart."""
    account = Account(
        [
            row("2026-08-23", 1.0, api_key_id=("a" * 64, "twin")),
            row("2026-08-23", 2.0, api_key_id=("b" * 64, "twin")),
        ],
        keys=KEYS,
    )
    first, second = (ConfiguredBudget(name=name, period="day", limit_usd=5, key=name * 12) for name in "ab")
    assert amounts(budgets(account, first, second), "spent_usd") == {"a": 1.0, "b": 2.0}


def test_rows_with_other_labels_than_expected_are_read_one_by_one() -> None:
    """A key that was renamed since its rows were booked."""
    account = Account(
        [
            row("2026-08-23", 1.0, api_key_id=(digits("alpha"), "an older name")),
            row("2026-08-23", 2.0, api_key_id=(digits("beta"), "beta")),
        ]
    )
    first, second = (ConfiguredBudget(name=name, period="day", limit_usd=5, key=name) for name in ("alpha", "beta"))
    assert amounts(budgets(account, first, second), "spent_usd") == {"alpha": 1.0, "beta": 2.0}


def test_openrouters_own_budgets() -> None:
    """A workspace's spend is computed over the same window; of a lifetime limit and a guardrail it is not known."""
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


def test_own_provider_keys_count_for_a_workspace_only_if_the_api_says_so() -> None:
    """Without `include_byok_in_budgets` they do not."""
    account = Account(
        [row("2026-08-23", 30.0, 4.0)], workspaces=WORKSPACES[:1], budgets=[{"limit_usd": 5, "reset_interval": "daily"}]
    )
    assert amounts(budgets(account), "spent_usd") == {"workspace default day": 30.0}


def test_account_without_budgets_at_openrouter_is_not_a_failure() -> None:
    """404 and 403 are normal there, and are asked for once an hour."""
    first = budgets(Account(), MONTH)
    assert (first.collected.summary.failures, set(amounts(first, "success"))) == ((), {"month"})
    again = budgets(Account(), MONTH, memory=first.collected.memory, monotonic=300)
    assert [request.operation for request in again.client.requests] == ["analytics_query"]


def test_failing_list_of_openrouters_budgets_leaves_the_others() -> None:
    """It is named, and tried again at the next poll."""
    polled = budgets(Account([row("2026-08-23", 3.0)], budgets=ERROR), MONTH)
    assert amounts(polled, "spent_usd") == {"month": 3.0}
    assert [part for part, _ in polled.collected.summary.failures] == ["budgets of OpenRouter"]
    again = budgets(Account(), MONTH, memory=polled.collected.memory, monotonic=300)
    assert "workspace_budgets" in [request.operation for request in again.client.requests]


def test_amounts_vanish_at_the_end_of_their_period() -> None:
    """At that instant, without a poll; the limit stays, and the next period's bounds are shown."""
    day = ConfiguredBudget(name="day", period="day", limit_usd=5)
    collected = budgets(Account([row("2026-08-23", 3.0)]), MONTH, day).collected
    moment, snapshot = collected.successors[0]
    families = shown(snapshot)
    assert moment == MIDNIGHT + DAY
    assert families["openrouter_budget_spent_usd"] == {("month", "month"): 3.0}
    assert families["openrouter_budget_limit_usd"] == {("month", "month"): 100.0, ("day", "day"): 5.0}
    assert families["openrouter_budget_period_start_timestamp_seconds"][("day", "day")] == moment.timestamp()


def test_partial_response_fails_the_budget() -> None:
    """What lacks rows is not a sum."""
    account = Account()
    account.client = lambda: ScriptedClient([reply([], truncated=True)])  # type: ignore[method-assign]
    with pytest.raises(InvalidResponse, match="cut off"):
        budgets(account, MONTH, include_openrouter=False)


def every_day(first: str, usd: Callable[[datetime], float]) -> list[Any]:
    """Rows of each day from `first` to yesterday."""
    start = at(f"{first} 00:00:00")
    days = [start + number * DAY for number in range((MIDNIGHT - start).days)]
    return [row(str(day.date()), usd(day)) for day in days]


def test_month_is_expected_to_go_on_by_its_weekdays() -> None:
    """Weekends cost nothing here: of August's last 9 days, Sunday noon included, 6 are working days."""
    rows = every_day("2026-07-01", lambda day: 0.0 if day.weekday() > 4 else 10.0)
    polled = budgets(Account(rows), MONTH, ConfiguredBudget(name="day", period="day", limit_usd=5))
    assert amounts(polled, "spent_usd")["month"] == 150.0
    assert amounts(polled, "expected_spent_usd") == {"month": 150.0 + 6 * 10.0}


def test_rest_of_today_is_expected_by_the_time_of_day() -> None:
    """At noon, half of an ordinary day is to come."""
    polled = budgets(Account(every_day("2026-07-01", lambda _: 10.0)), MONTH)
    assert amounts(polled, "expected_spent_usd") == {"month": 220.0 + 5.0 + 8 * 10.0}


def test_nothing_is_expected_of_an_account_in_its_first_four_weeks() -> None:
    """The mean of its weekdays would be too low."""
    assert amounts(budgets(Account(every_day("2026-08-05", lambda _: 10.0)), MONTH), "expected_spent_usd") == {}
