"""Keys, members and workspaces: parts that add up."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.attribution import Selection, parts_of, select, slices_of
from exporter.simulator.usage import SimulatedAccount, UsageRow

COUNTS = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
TEMPLATE = SimulatedAccount().rows_of_day(date(2026, 10, 14))[0]
SLICES = slices_of(1, "sk-or-v1-ordinary")

amounts = st.integers(0, 10**12)


@given(st.uuids(), st.integers(1, 10**9), st.lists(amounts, min_size=4, max_size=4), amounts, amounts)
def test_parts_add_up_to_the_row(endpoint: object, requests: int, tokens: list[int], usage: int, byok: int) -> None:
    """Counts add up exactly, money to the last of its six decimals."""
    numbers = dict(zip(COUNTS, [requests, *tokens], strict=True))
    money = {"usage": usage / 10**6, "byok_usage_inference": byok / 10**6}
    row = msgspec.structs.replace(TEMPLATE, endpoint_id=str(endpoint), **numbers, **money)
    parts = [part for part in parts_of(row) if part is not None]
    assert {name: sum(getattr(part, name) for part in parts) for name in COUNTS} == numbers
    assert sum(round(Fraction(part.usage) * 10**6) for part in parts) == usage
    assert sum(round(Fraction(part.byok_usage_inference) * 10**6) for part in parts) == byok
    assert min(part.requests for part in parts) >= 1


def test_the_first_slice_is_the_ordinary_keys() -> None:
    """Its hash is what the keys API would call that key."""
    assert len({part.api_key_hash for part in SLICES}) == len(SLICES)
    assert len({part.workspace_id for part in SLICES}) == 3


def test_everything_is_the_rows_as_they_are() -> None:
    """No filter and no grouping: the historical shape."""
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    assert list(select(rows, SLICES, Selection())) == rows


def test_filters_combine() -> None:
    """A key that isn't used in a workspace has no rows there."""
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    selection = Selection(api_key_hash=SLICES[0].api_key_hash, workspace_id=SLICES[2].workspace_id)
    assert list(select(rows, SLICES, selection)) == []


def _requests(rows: list[UsageRow]) -> int:
    return sum(row.requests for row in rows)


def test_keys_together_are_everything() -> None:
    """Asking key by key brings every request once."""
    rows = SimulatedAccount().rows_of_day(date(2026, 10, 14))
    parts = [list(select(rows, SLICES, Selection(api_key_hash=part.api_key_hash))) for part in SLICES]
    assert sum(map(_requests, parts)) == _requests(rows)
