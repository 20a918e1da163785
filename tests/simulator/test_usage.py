"""The usage of a simulated account."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from exporter.simulator.models import MODELS
from exporter.simulator.usage import SimulatedAccount, UsageRow

YESTERDAY = date(2026, 10, 14)
ROOT = Path(__file__).parents[2]
WINDOW = [YESTERDAY - timedelta(days=back) for back in range(30)]


@pytest.fixture(scope="module")
def rows() -> list[UsageRow]:
    """Return the rows of the default account's window."""
    account = SimulatedAccount()
    return [row for day in WINDOW for row in account.rows_of_day(day)]


def test_equal_seeds_generate_equal_days() -> None:
    used, fresh = SimulatedAccount(7), SimulatedAccount(7)
    for day in WINDOW:
        used.rows_of_day(day)
    assert used.rows_of_day(YESTERDAY) == fresh.rows_of_day(YESTERDAY)


def test_different_seeds_generate_different_usage() -> None:
    assert SimulatedAccount(1).rows_of_day(YESTERDAY) != SimulatedAccount(2).rows_of_day(YESTERDAY)


@pytest.mark.slow
def test_generated_usage_is_the_same_in_another_process() -> None:
    script = (
        "import msgspec, datetime, exporter.simulator.usage as d;"
        "print(msgspec.json.encode(d.SimulatedAccount(3).rows_of_day(datetime.date(2026, 10, 14))).decode())"
    )
    other = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert other.stdout.strip() == msgspec.json.encode(SimulatedAccount(3).rows_of_day(YESTERDAY)).decode()


def test_rows_have_the_field_names_order_and_date_layout_of_the_api() -> None:
    written = msgspec.json.decode(msgspec.json.encode(SimulatedAccount().rows_of_day(YESTERDAY)[0]))
    assert list(written) == [
        "date",
        "model",
        "model_permaslug",
        "endpoint_id",
        "provider_name",
        "usage",
        "byok_usage_inference",
        "requests",
        "prompt_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "cached_tokens",
        "byok_requests",
    ]
    assert written["date"] == "2026-10-14 00:00:00"


def test_large_account_uses_every_endpoint_every_day() -> None:
    account = SimulatedAccount(1, 3334)
    for day in WINDOW[:3]:
        assert len({row.endpoint_id for row in account.rows_of_day(day)}) == 3334


def test_small_account_does_not_use_every_endpoint_every_day() -> None:
    account = SimulatedAccount(1, 40)
    assert min(len(account.rows_of_day(day)) for day in WINDOW) < 40


def test_account_without_endpoints_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one endpoint"):
        SimulatedAccount(1, 0)


@pytest.mark.parametrize("seed", range(1, 6))
def test_daily_spend_is_that_of_a_team(seed: int) -> None:
    account = SimulatedAccount(seed)
    spent = [sum(row.usage for row in account.rows_of_day(day)) for day in WINDOW]
    assert 80 < sum(spent) / len(spent) < 200
    assert 40 < min(spent) < max(spent) < 300


def test_weekends_have_less_usage(rows: list[UsageRow]) -> None:
    spent: dict[bool, list[float]] = defaultdict(list)
    for day in WINDOW:
        spent[day.weekday() >= 5].append(sum(row.usage for row in rows if row.date.startswith(day.isoformat())))
    assert sum(spent[True]) / len(spent[True]) < 0.75 * sum(spent[False]) / len(spent[False])


def test_few_endpoints_cause_most_of_the_spend(rows: list[UsageRow]) -> None:
    spent: dict[str, float] = defaultdict(float)
    for row in rows:
        spent[row.endpoint_id] += row.usage
    largest = sorted(spent.values(), reverse=True)
    assert sum(largest[:5]) > 0.4 * sum(largest)
    assert largest[len(largest) // 2] < 0.02 * sum(largest)


def test_some_models_have_several_providers(rows: list[UsageRow]) -> None:
    providers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        providers[row.model].add(row.provider_name)
    assert {"Anthropic", "Amazon Bedrock", "Google Vertex"} <= providers["anthropic/claude-sonnet-4.5"]


def test_free_models_have_usage_without_cost(rows: list[UsageRow]) -> None:
    free = [row for row in rows if row.model.endswith(":free")]
    assert free
    assert {row.usage for row in free} == {0}
    assert min(row.requests for row in free) > 0


def test_byok_usage_costs_a_small_fee(rows: list[UsageRow]) -> None:
    own = [row for row in rows if row.byok_usage_inference > 0]
    assert own
    assert any(0.04 < row.usage / row.byok_usage_inference < 0.06 for row in own)


def test_reasoning_above_completion_and_cached_above_prompt_occur_rarely(rows: list[UsageRow]) -> None:
    assert 0 < sum(row.reasoning_tokens > row.completion_tokens for row in rows) < 0.1 * len(rows)
    assert 0 < sum(row.cached_tokens > row.prompt_tokens for row in rows) < 0.05 * len(rows)


def test_rows_have_requests_and_no_negative_cost(rows: list[UsageRow]) -> None:
    assert min(row.requests for row in rows) >= 1
    assert min(row.usage for row in rows) >= 0


@pytest.mark.parametrize("start", [date(2026, 1, 1), date(2026, 5, 20), date(2027, 2, 28)])
def test_models_appear_and_disappear_in_every_window(start: date) -> None:
    changes = [
        (model.served_on(before), model.served_on(after))
        for before, after in pairwise([start + timedelta(days=number) for number in range(30)])
        for model in MODELS
    ]
    assert (False, True) in changes
    assert (True, False) in changes
