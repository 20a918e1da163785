"""Attribution to keys, members and workspaces."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.attribution import ActivityFilter, attributions_of, select_rows, split_row
from exporter.simulator.usage import SimulatedAccount, UsageRow

COUNTS = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "byok_requests")
TEMPLATE = SimulatedAccount().rows_of_day(date(2026, 10, 14))[0]
ATTRIBUTIONS = attributions_of(1, "sk-or-v1-ordinary")

amounts = st.integers(0, 10**12)


@given(st.uuids(), st.integers(1, 10**9), st.lists(amounts, min_size=5, max_size=5), amounts, amounts)
def test_parts_sum_to_the_row_exactly(
    endpoint: object, requests: int, tokens: list[int], usage: int, byok: int
) -> None:
    numbers = dict(zip(COUNTS, [requests, *tokens], strict=True))
    money = {"usage": usage / 10**6, "byok_usage_inference": byok / 10**6}
    row = msgspec.structs.replace(TEMPLATE, endpoint_id=str(endpoint), **numbers, **money)
    parts = [part for part in split_row(row) if part is not None]
    assert {name: sum(getattr(part, name) for part in parts) for name in COUNTS} == numbers
    assert sum(round(Fraction(part.usage) * 10**6) for part in parts) == usage
    assert sum(round(Fraction(part.byok_usage_inference) * 10**6) for part in parts) == byok
    assert min(part.requests for part in parts) >= 1


def test_each_attribution_has_its_own_key() -> None:
    assert len({part.api_key_hash for part in ATTRIBUTIONS}) == len(ATTRIBUTIONS)
    assert len({part.workspace_id for part in ATTRIBUTIONS}) == 3


def test_empty_filter_returns_the_rows_unchanged() -> None:
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    assert list(select_rows(rows, ATTRIBUTIONS, ActivityFilter())) == rows


def test_filters_combine() -> None:
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    selection = ActivityFilter(api_key_hash=ATTRIBUTIONS[0].api_key_hash, workspace_id=ATTRIBUTIONS[2].workspace_id)
    assert list(select_rows(rows, ATTRIBUTIONS, selection)) == []


def _requests(rows: list[UsageRow]) -> int:
    return sum(row.requests for row in rows)


def test_requests_of_all_keys_sum_to_the_total() -> None:
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    parts = [
        list(select_rows(rows, ATTRIBUTIONS, ActivityFilter(api_key_hash=part.api_key_hash))) for part in ATTRIBUTIONS
    ]
    assert sum(map(_requests, parts)) == _requests(rows)
