"""The calling key: its usage and budgets, and the account's quota of free requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.collectors.calling_key import CallingKeyCollector, CallingKeySettings
from exporter.errors import InvalidResponse
from tests.collectors import helpers
from tests.collectors.balances import FakeApi, always, key, polled
from tests.collectors.helpers import Polled, Shown, at

COLLECTOR = CallingKeyCollector("default", CallingKeySettings())


def budget(scope: str = "workspace", **fields: Any) -> dict[str, Any]:
    return {
        "scope": scope,
        "limit_usd": 100,
        "spend_usd": 30,
        "remaining_usd": 70,
        "reset_interval": "monthly",
        "resets_at": "2026-09-01T00:00:00.000Z",
        "include_byok": False,
        "budget_id": "b1",
        "guardrail_id": None,
    } | fields


def read(memory: object = None, **fields: Any) -> Polled:
    return polled(COLLECTOR, FakeApi({"/key": always({"data": key("a", **fields)})}), memory)


def shown(result: Polled) -> Shown:
    return {name.removeprefix("openrouter_").removeprefix("calling_key_"): rows for name, rows in result.shown.items()}


def test_ordinary_key_has_its_own_usage_and_limit() -> None:
    """Without a management key, nothing else is available."""
    families = shown(read(limit=10, limit_remaining=4, is_management_key=False))
    assert (families["usage_usd"], families["byok_usage_month_usd"]) == ({(): 4.0}, {(): 0.3})
    assert (families["limit_usd"], families["limit_remaining_usd"], families["limit_used_usd"]) == (
        {(): 10},
        {(): 4},
        {(): 6},
    )


def test_budgets_are_distinguished_by_scope_and_id() -> None:
    """The id is that of the budget or the guardrail. Unknown scopes are accepted."""
    rows = [
        budget(),
        budget(budget_id="b2", spend_usd=1, remaining_usd=99),
        budget("member", budget_id=None, guardrail_id="g1"),
        budget("of_tomorrow", budget_id=None),
    ]
    families = shown(read(budgets=rows))
    assert families["budget_spend_usd"] == {
        ("workspace", "b1"): 30.0,
        ("workspace", "b2"): 1.0,
        ("member", "g1"): 30.0,
        ("of_tomorrow", ""): 30.0,
    }
    assert families["budget_limit_usd"][("workspace", "b1")] == 100.0
    assert families["budget_remaining_usd"][("workspace", "b2")] == 99.0
    assert families["budget_resets_timestamp_seconds"][("member", "g1")] == datetime(2026, 9, 1, tzinfo=UTC).timestamp()


def test_budget_with_less_remaining_is_published_if_two_have_the_same_labels() -> None:
    """Amounts of different periods cannot be summed."""
    rows = [budget(remaining_usd=70), budget(limit_usd=9, spend_usd=10, remaining_usd=-1), budget(remaining_usd=None)]
    assert shown(read(budgets=rows))["budget_remaining_usd"] == {("workspace", "b1"): -1.0}


def test_lifetime_budget_has_no_reset_time() -> None:
    """0 would be a wrong time."""
    families = shown(read(budgets=[budget(reset_interval=None, resets_at=None)]))
    assert families["budget_resets_timestamp_seconds"] == {}


def test_effective_budget_is_published() -> None:
    """It is the budget that stops the key first."""
    result = shown(read(effective_budget=budget(remaining_usd=-2, spend_usd=102)))
    families = [result[f"effective_budget_{name}_usd"] for name in ("limit", "spend", "remaining")]
    assert families == [{(): 100.0}, {(): 102.0}, {(): -2.0}]


def test_free_request_quota_of_the_account_is_published() -> None:
    result = shown(read(free_model_daily_requests={"limit": "1000", "used": 12, "remaining": 988}))
    families = [result[f"free_model_requests_{name}"] for name in ("limit", "used", "remaining")]
    assert families == [{(): 1000.0}, {(): 12.0}, {(): 988.0}]


@pytest.mark.parametrize("nothing", [None, ...])
@pytest.mark.parametrize("field", ["budgets", "effective_budget", "free_model_daily_requests", "limit", "usage_daily"])
def test_missing_or_null_fields_have_no_series(field: str, nothing: object) -> None:
    """Older versions of the API have no budgets."""
    families = shown(read(**{field: nothing}))
    assert families["usage_usd"] == {(): 4.0}
    for family in ("budget_limit_usd", "effective_budget_limit_usd", "free_model_requests_limit", "limit_usd"):
        assert families[family] == {}


def test_budget_that_is_not_an_object_is_rejected_alone() -> None:
    """It is counted by each poll, even if the response has not changed."""
    result = read(budgets=[5, budget()])
    assert result.rejected == {"not_an_object": 1}
    assert set(shown(result)["budget_limit_usd"]) == {("workspace", "b1")}
    assert read(result.memory, budgets=[5, budget()]).rejected == {"not_an_object": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [("scope", 5), ("budget_id", {}), ("limit_usd", "much"), ("spend_usd", True), ("resets_at", "soon")],
)
def test_unreadable_field_of_a_budget_is_absent_and_counted(field: str, value: object) -> None:
    """It is counted by each poll, even if the response has not changed."""
    result = read(budgets=[budget() | {field: value}])
    assert ({}, {field: 1}) == (result.rejected, dict(result.rejections.unreadable))
    assert len(shown(result)["budget_remaining_usd"]) == 1
    again = read(result.memory, budgets=[budget() | {field: value}])
    assert {field: 1} == dict(again.rejections.unreadable)


@pytest.mark.parametrize(
    "fields",
    [
        {"usage_daily": "much"},
        {"limit": True},
        {"free_model_daily_requests": [1]},
        {"free_model_daily_requests": {"limit": "unlimited", "used": 3, "remaining": None}},
    ],
)
def test_unreadable_field_of_the_key_is_absent_and_counted(fields: dict[str, Any]) -> None:
    """Spend, limits and budgets are still published."""
    result = read(**fields)
    assert 1 == result.rejections.unreadable.total()
    assert shown(result)["usage_usd"]


def test_negative_amounts_are_published() -> None:
    """They are corrections."""
    assert {(): -1.0} == shown(read(usage_daily=-1))["usage_today_usd"]


def test_budgets_that_are_not_a_list_fail_the_poll() -> None:
    """Publishing no budgets would silently remove them."""
    with pytest.raises(InvalidResponse, match="not the description of a key"):
        read(budgets={})


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"data":null}', b'{"data":{}}', b'{"data":{"usage":null}}', b'{"error":{"message":"no"},"data":{}}'],
)
def test_invalid_body_fails_the_poll_and_counts_as_an_invalid_response(content: bytes) -> None:
    api = FakeApi({"/key": always(content)})
    with pytest.raises(InvalidResponse):
        polled(COLLECTOR, api)
    assert len(api.failures) == 1


def test_first_poll_of_a_day_publishes_an_unchanged_response() -> None:
    """Amounts of the day before have expired by then."""
    api = FakeApi({"/key": always({"data": key("a")})})
    first = polled(COLLECTOR, api, now=at("2026-08-23 23:59:00"))
    assert polled(COLLECTOR, api, first.memory, now=at("2026-08-24 00:01:00")).collected.snapshot is not None


def test_amounts_expire_at_the_midnight_that_ends_their_period() -> None:
    """No poll is needed. The quota of free requests is per day too."""
    free = {"limit": 1000, "used": 12, "remaining": 988}
    moment, snapshot = read(free_model_daily_requests=free).collected.successors[0]
    families = {name.removeprefix("openrouter_").removeprefix("calling_key_") for name in helpers.shown(snapshot)}
    assert str(moment) == "2026-08-24 00:00:00+00:00"
    assert {"usage_usd", "usage_month_usd", "limit_usd", "free_model_requests_limit"} <= families
    assert not families & {
        "usage_today_usd",
        "byok_usage_today_usd",
        "usage_week_usd",
        "free_model_requests_used",
        "free_model_requests_remaining",
    }


def test_unchanged_response_publishes_nothing() -> None:
    first = read()
    assert read(first.memory).collected.snapshot is None
    assert read(first.memory, usage=5).collected.snapshot is not None
