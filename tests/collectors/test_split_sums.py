"""Usage by key and by member: the parts add up to the total, and the remainder is `unattributed`."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.activity.unattributed import NOISE, ROUNDING, _rest
from exporter.collectors.activity.usage_table import WIDTH
from exporter.collectors.constants import UNATTRIBUTED
from exporter.collectors.measures import USAGE
from exporter.errors import InvalidResponse
from tests.collectors.helpers import UNHURRIED, Shown, ago, at, collect, row
from tests.collectors.split_api import SplitApi, label_of, poll_parts, split, use
from tests.collectors.split_api import collector as split_collector

E1 = ("acme/one", "Acme", "e1")
LISTED = ["k1", "k2", "k3"]
DELETED = ["gone", "lost"]

amounts = st.integers(0, 10**9).map(lambda millionths: millionths / 10**6)
uses = st.lists(
    st.builds(
        use,
        st.sampled_from(LISTED + DELETED),
        st.integers(1, 30).map(ago),
        st.sampled_from(["e1", "e2"]),
        model=st.sampled_from(["acme/one", "acme/two"]),
        usage=amounts,
        byok_usage_inference=amounts,
        requests=st.integers(1, 10**6),
        prompt_tokens=st.integers(0, 10**13),
    ),
    max_size=25,
    unique_by=repr,
)


def summed(shown: Shown) -> dict[str, dict[tuple[str, ...], Fraction]]:
    """Return each family summed over its last label."""
    sums: dict[str, dict[tuple[str, ...], Fraction]] = {}
    for family, samples in shown.items():
        sums[family] = defaultdict(Fraction)
        for labels, value in samples.items():
            sums[family][labels[:-1]] += Fraction(value)
    return sums


def gauges(shown: Shown) -> Shown:
    """Return the families of usage."""
    return {name: samples for name, samples in shown.items() if not name.endswith(("info", "day_timestamp_seconds"))}


def rows_of(api: SplitApi) -> list[dict[str, Any]]:
    """Return the rows of the whole account."""
    return [
        {name: value for name, value in use.items() if name != "owner"} | {"number": number}
        for number, use in enumerate(api.uses)
    ]


@UNHURRIED
@given(uses, st.sampled_from(["api_key", "member"]))
def test_parts_of_any_account_add_up_to_the_total(owned: list[dict[str, Any]], split_by: str) -> None:
    """Counts are exact, and amounts of money equal within rounding."""
    api = SplitApi(owned, LISTED)
    whole, parts = gauges(collect(rows_of(api)).shown), summed(gauges(split(api, split_by).shown))
    assert set(whole) == set(parts)
    for family, samples in whole.items():
        if family.endswith("_usd"):
            result = {labels: float(value) for labels, value in parts[family].items()}
            assert samples == pytest.approx(result, rel=1e-9, abs=0)
        else:
            assert samples == parts[family]


@UNHURRIED
@given(uses)
def test_each_key_has_its_own_usage_and_deleted_keys_share_unattributed(owned: list[dict[str, Any]]) -> None:
    shown = split(SplitApi(owned, LISTED)).shown
    for owner, label in [*((name, label_of(name)) for name in LISTED), (None, UNATTRIBUTED)]:
        own = [row_ for row_ in owned if (row_["owner"] == owner if owner else row_["owner"] in DELETED)]
        expected: dict[str, int] = defaultdict(int)
        for row_ in own:
            expected[row_["model"] + row_["endpoint_id"]] += row_["requests"]
        result = {labels[0] + labels[2]: value for labels, value in shown["30d_requests"].items() if labels[3] == label}
        assert expected == result


def test_rounding_of_binary_fractions_is_not_unattributed_usage() -> None:
    """0.1 + 0.2 is not 0.3."""
    owned = [use("k1", ago(1), usage=0.1), use("k2", ago(1), usage=0.2)]
    shown = split(SplitApi(owned, LISTED)).shown
    assert {labels[3] for labels in shown["usage_usd"]} == {label_of("k1"), label_of("k2")}


@pytest.mark.parametrize("off", [-0.0000005, 0.0, 0.0000005])
def test_amounts_rounded_by_the_api_may_exceed_the_total(off: float) -> None:
    """Each response is rounded to a millionth by itself."""
    api = SplitApi([use("k1", ago(1))], ["k1"], wholes=[[row(usage=1.0 + off)]])
    assert sum(split(api).shown["usage_usd"].values()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("less", [{"usage": 0.9}, {"requests": 2}, {"cached_tokens": 6}, {"date": ago(2)}])
def test_parts_that_exceed_the_total_fail_the_poll(less: dict[str, Any]) -> None:
    """Either is wrong, the error names the endpoint and day, and the last values stay."""
    api = SplitApi([use("k1", ago(1))], ["k1"], wholes=[[row(**less)]])
    with pytest.raises(InvalidResponse, match=r"exceed the total by .* for acme/one, Acme, e1 on 2026-08-22"):
        split(api)
    assert [error.status_class for error in api.failures] == ["invalid_response"]


def test_day_that_has_not_settled_may_grow_while_parts_are_read() -> None:
    """It is not published yet."""
    early = at("2026-08-23 00:10:00")
    api = SplitApi([use("k1", ago(1)), use("k1", ago(2))], ["k1"], wholes=[[row(ago(2))]])
    polled = split(api, now=early)
    assert polled.collected.summary.day == early.date() - timedelta(days=2)
    assert polled.shown["requests"] == {("acme/one", "Acme", "e1", label_of("k1")): 3.0}


def test_unattributed_is_absent_where_a_part_has_no_value() -> None:
    whole = [row(requests=9, cached_tokens=50)]
    shown = split(SplitApi([use("k1", ago(1), cached_tokens=...)], ["k1"], wholes=[whole])).shown
    assert shown["cached_tokens"] == {}
    assert shown["requests"] == {(*E1, label_of("k1")): 3.0, (*E1, UNATTRIBUTED): 6.0}


def test_missing_value_has_no_series_for_parts_and_unattributed() -> None:
    owned = [use(owner, ago(1), cached_tokens=...) for owner in ("k1", "gone")]
    shown = split(SplitApi(owned, ["k1"])).shown
    assert (shown["cached_tokens"], shown["30d_cached_tokens"]) == ({}, {})
    assert len(shown["requests"]) == 2


def test_account_without_keys_has_only_unattributed_usage() -> None:
    assert split(SplitApi([use("gone", ago(1))], [])).shown["requests"] == {(*E1, UNATTRIBUTED): 3.0}
    assert split(SplitApi([], LISTED)).shown["requests"] == {}


@UNHURRIED
@given(uses, st.integers(1, 6))
def test_each_key_has_its_own_other(owned: list[dict[str, Any]], most: int) -> None:
    """Totals per key stay right."""
    folded: dict[str, Any] = {"max_endpoints": most}
    totals: list[dict[str, float]] = []
    for settings in ({}, folded):
        totals.append(defaultdict(float))
        for labels, value in split(SplitApi(owned, LISTED), **settings).shown["30d_requests"].items():
            totals[-1][labels[3]] += value
    assert totals[0] == totals[1]


def test_split_with_dropped_labels_and_excluded_models() -> None:
    """`unattributed` covers only the included models."""
    owned = [use(owner, ago(1), model=model) for owner in ("k1", "gone") for model in ("acme/one", "acme/two")]
    patterns = (re.compile("acme/one"),)
    dropped = ("model", "provider", "endpoint_id")
    shown = split(SplitApi(owned, ["k1"]), include=patterns, drop_labels=dropped).shown
    assert shown["requests"] == {(label_of("k1"),): 3.0, (UNATTRIBUTED,): 3.0}


def test_usage_of_a_deleted_key_becomes_unattributed() -> None:
    api, splitting = SplitApi([use("k1", ago(1)), use("k2", ago(1))], ["k1", "k2"]), split_collector()

    async def both() -> tuple[Shown, Shown]:
        first = await poll_parts(api, splitting)
        api.keys = ["k1"]
        return first.shown, (await poll_parts(api, splitting, memory=first.memory)).shown

    first, second = asyncio.run(both())
    assert first["requests"] == {(*E1, label_of("k1")): 3.0, (*E1, label_of("k2")): 3.0}
    assert second["requests"] == {(*E1, label_of("k1")): 3.0, (*E1, UNATTRIBUTED): 3.0}


def test_days_kept_from_the_last_poll_are_kept_per_key() -> None:
    """Just after midnight, the 30 days reach further back than the API does."""
    before, after = at("2026-08-22 23:50:00"), at("2026-08-23 00:10:00")
    api = SplitApi([use("k1", "2026-07-23"), use("gone", "2026-07-23"), use("k1", "2026-08-21")], ["k1"])
    splitting = split_collector()

    async def both() -> tuple[Shown, Shown]:
        first = await poll_parts(api, splitting, now=before)
        api.uses = api.uses[2:]  # the API no longer returns 23 July
        return first.shown, (await poll_parts(api, splitting, now=after, memory=first.memory)).shown

    first, second = asyncio.run(both())
    assert second["30d_requests"] == {(*E1, label_of("k1")): 6.0, (*E1, UNATTRIBUTED): 3.0}
    assert first["30d_requests"] == second["30d_requests"]


def test_changed_rows_of_each_key_count_as_restated() -> None:
    api, splitting = SplitApi([use(name, ago(1)) for name in (*LISTED, "gone")], LISTED), split_collector()

    async def both() -> int:
        first = await poll_parts(api, splitting)
        api.uses = [use | {"requests": 99} for use in api.uses[:2]] + api.uses[2:]
        return (await poll_parts(api, splitting, memory=first.memory)).collected.restated

    assert asyncio.run(both()) == 2


def rest_of(total: float, *parts: float) -> float:
    """Return the spend that is left for `unattributed`."""
    numbers = [array("d", [part, *[0.0] * (WIDTH - 1)]) for part in (total, *parts)]
    return _rest(numbers[0], numbers[1:])[USAGE]


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_may_exceed_the_total_by_a_millionth_each(parts: int) -> None:
    """The API may round each amount."""
    whole = 1024.0
    noise = NOISE * whole
    edge = noise + parts * ROUNDING
    share = (whole + edge) / parts
    inside, beyond = rest_of(whole, *[share * (1 - 1e-15)] * parts), rest_of(whole, *[share * (1 + 1e-12)] * parts)
    assert inside == 0.0
    assert beyond == pytest.approx(-edge, rel=1e-3)


def test_remainder_of_a_billionth_of_the_total_is_not_usage() -> None:
    """Sums of floats differ by as much."""
    assert rest_of(1024.0, 1024.0 * (1 - 0.99 * NOISE)) == 0.0
    assert rest_of(1024.0, 1024.0 * (1 - 1.01 * NOISE)) == pytest.approx(1024.0 * 1.01 * NOISE, rel=1e-3)


def test_small_amount_without_parts_is_usage() -> None:
    assert rest_of(1e-7) == 1e-7


@pytest.mark.parametrize(("excess", "fails"), [(0.9e-6, False), (1.2e-6, True)])
def test_parts_beyond_the_rounding_fail_the_poll(excess: float, *, fails: bool) -> None:
    """One part may exceed the total by a millionth of a dollar."""
    api = SplitApi([use("k1", ago(1), usage=1.0 + excess)], ["k1"], wholes=[[row(usage=1.0)]])
    if fails:
        with pytest.raises(InvalidResponse, match="exceed the total by"):
            split(api)
    else:
        assert UNATTRIBUTED not in {labels[3] for labels in split(api).shown["usage_usd"]}
