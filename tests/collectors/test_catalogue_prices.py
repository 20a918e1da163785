"""Prices of models are read exactly, or absent and counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collectors.catalogue_polls import PRICING, model, read, samples, unreadable


def prices(**pricing: Any) -> dict[str, float]:
    """Return the published prices of a model with this pricing by kind."""
    collected, _ = read(model(pricing=pricing))
    return {kind: price for (_, kind), price in samples(collected)["price_usd"].items()}


@pytest.mark.parametrize(
    ("text", "price"),
    [("0.00000015", 1.5e-07), ("0.0000001234567890123", 1.234567890123e-07), ("0", 0.0), ("1e-7", 1e-07), (0.5, 0.5)],
)
def test_price_is_read_exactly(text: object, price: float) -> None:
    """The value is the float nearest to the decimal."""
    assert {"prompt": price} == prices(prompt=text)


@pytest.mark.parametrize("text", ["-1", "-1.0", -1, None])
def test_price_of_minus_one_is_absent(text: object) -> None:
    assert {"completion": 1.0} == prices(prompt=text, completion="1")
    assert {} == unreadable(pricing={"prompt": text})


@pytest.mark.parametrize("text", ["free", "", "-0.5", "-2", "NaN", "inf", "1e400", [], {}, True])
def test_invalid_price_is_absent_and_counted(text: object) -> None:
    assert {"completion": 1.0} == prices(prompt=text, completion="1")
    assert {"pricing.prompt": 1} == unreadable(pricing={"prompt": text, "completion": "1"})


def test_price_of_minus_zero_is_zero() -> None:
    assert ["0.0"] == [repr(price) for price in prices(prompt="-0").values()]


def test_unknown_kind_of_price_is_absent_and_counted() -> None:
    """All unknown kinds share one field name, so that names from the API add no series."""
    assert {"prompt": 1.0} == prices(prompt="1", smell="1", taste={"p": 1})
    assert {"pricing.unknown_kind": 2} == unreadable(pricing={"smell": "1", "taste": "1"})


def test_promotion_and_overrides_are_published_beside_list_prices() -> None:
    overrides = [{"min_prompt_tokens": 200_000, "prompt": "0.1"}, {"utc_start": 1630, "utc_end": 30, "prompt": "0"}]
    shown = samples(read(model(pricing=PRICING | {"discount": 0.25, "overrides": overrides}))[0])
    assert {("acme/one",): 0.25} == shown["price_discount_ratio"]
    assert {("acme/one",): 2.0} == shown["price_overrides"]
    assert 3e-06 == shown["price_usd"]["acme/one", "prompt"]


@pytest.mark.parametrize(
    ("pricing", "field"),
    [({"discount": 1.5}, "discount"), ({"discount": "no"}, "discount"), ({"overrides": {}}, "overrides")],
)
def test_invalid_promotion_is_absent_and_counted(pricing: dict[str, Any], field: str) -> None:
    assert {f"pricing.{field}": 1} == unreadable(pricing=pricing)


@pytest.mark.parametrize("pricing", ["cheap", []])
def test_prices_that_are_not_an_object_are_absent_and_counted(pricing: object) -> None:
    assert {"pricing": 1} == unreadable(pricing=pricing)
