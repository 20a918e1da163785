"""`GET /models`: which models are published, under which names, and when they retire."""

from __future__ import annotations

import re
from typing import cast

import pytest

from exporter.collectors.used_models import ModelUse
from tests.collectors.catalogue_polls import model, read, samples, unreadable, use
from tests.collectors.helpers import FixedClient, response_of


def test_only_models_in_use_are_published() -> None:
    collected, _ = read(model(expiration_date="2026-09-01"), model("acme/unused"))
    assert samples(collected) == {
        "price_usd": {("acme/one", "prompt"): 3e-06, ("acme/one", "completion"): 1.5e-05},
        "price_discount_ratio": {},
        "price_overrides": {},
        "expiration_timestamp_seconds": {("acme/one",): 1788220800.0},
        "listed": {("acme/one",): 1.0},
        "context_length_tokens": {("acme/one",): 4096.0},
        "info": {("acme/one", "acme/one-2026", "Acme: One"): 1.0},
    }


def test_request_names_all_output_modalities() -> None:
    """Without the parameter, an embedding model in use would look delisted."""
    _, poll = read(model())
    (request,) = cast("FixedClient", poll.client).requests
    assert ("/models", {"output_modalities": "all"}) == (request.path, request.parameters)


@pytest.mark.parametrize("day", ["soon", "2026", 2026, 1788220800, "2026-13-01", True, "0001-01-01", "1970-01-01"])
def test_expiration_that_is_not_a_date_is_absent_and_counted(day: object) -> None:
    assert {"expiration_date": 1} == unreadable(expiration_date=day)


def test_expiration_with_a_time_is_published_as_the_start_of_its_day() -> None:
    collected, _ = read(model(expiration_date="2026-09-01T15:30:00Z"))
    assert {("acme/one",): 1788220800.0} == samples(collected)["expiration_timestamp_seconds"]


@pytest.mark.parametrize("length", [None, ...])
def test_context_length_may_be_absent(length: object) -> None:
    assert {} == samples(read(model(context_length=length))[0])["context_length_tokens"]
    assert {} == unreadable(context_length=length)


def test_unlisted_model_in_use_has_listed_0_and_no_other_series() -> None:
    collected, _ = read(model("acme/two"))
    assert {"listed": {("acme/one",): 0.0}} == {name: shown for name, shown in samples(collected).items() if shown}


def test_configured_models_are_published_if_they_are_listed() -> None:
    """The pattern must match the whole name. A configured model that is not listed has no series."""
    rows = [model("acme/one"), model("acme/two"), model("other/one")]
    collected, _ = read(*rows, used=(), models=(re.compile("acme/.*"), re.compile("other")))
    assert {("acme/one",), ("acme/two",)} == samples(collected)["listed"].keys()
    assert () == collected.summary.listed_models


@pytest.mark.parametrize(
    ("used", "listed", "expected"),
    [
        (use("acme/one:free"), "acme/one", False),  # a variant with a price of its own
        (use("acme/one:free", "acme/one-2026"), "acme/one", False),
        (use("acme/one:free"), "acme/one:free", True),
        (use("acme/one:online"), "acme/one", True),  # an option of requests, which is never listed
        (use("acme/one:nitro"), "acme/two", False),
        (use("acme/one-2026"), "acme/one", True),  # usage under the dated name
        (use("acme/old", "acme/one-2026"), "acme/one", True),  # renamed
        (use("acme/old", "acme/old-2025"), "acme/one", False),
    ],
)
def test_variants_and_renamed_models_are_matched_to_listed_ones(used: ModelUse, listed: str, *, expected: bool) -> None:
    """The label `model` keeps the name that activity uses."""
    collected, _ = read(model(listed), used=[used])
    assert {(used.model,): float(expected)} == samples(collected)["listed"]
    assert ((used.model, listed),) * expected == collected.summary.listed_models


def test_unchanged_body_publishes_only_new_models_in_use() -> None:
    """Its rejected fields are counted again."""
    rows = [model(context_length="long"), model("acme/two")]
    first, _ = read(*rows)
    again, poll = read(*rows, memory=first.memory)
    assert (None, {"context_length": 1}) == (again.snapshot, dict(poll.rejections.unreadable))
    more, _ = read(*rows, used=[use(), use("acme/two")], memory=again.memory)
    assert 2 == len(samples(more)["listed"])


def test_row_without_a_name_is_rejected_alone() -> None:
    collected, poll = read(model(), model(id=None), model(id=7), "row", None)
    assert {("acme/one",): 1.0} == samples(collected)["listed"]
    assert {"missing_model": 4} == dict(poll.rejections.counts)


def test_absent_model_is_not_reported_as_delisted_if_a_row_has_no_name() -> None:
    collected, _ = read(model(), model(id=7), used=[use(), use("acme/two")])
    assert {("acme/one",): 1.0} == samples(collected)["listed"]


def test_invalid_permaslug_leaves_only_that_label_empty() -> None:
    collected, _ = read(model(canonical_slug=5))
    assert {("acme/one", "", "Acme: One"): 1.0} == samples(collected)["info"]


def test_body_with_nan_and_invalid_utf_8_is_read() -> None:
    body = b'{"data":[{"id":"acme/one","name":"\xff","context_length":NaN,"pricing":{"prompt":"1"}}]}'
    collected, poll = read(response=response_of(body))
    assert {("acme/one", "prompt"): 1.0} == samples(collected)["price_usd"]
    assert {"name": 1, "context_length": 1} == dict(poll.rejections.unreadable)


def test_first_of_two_rows_of_a_model_is_used() -> None:
    collected, _ = read(model(context_length=1), model(context_length=2))
    assert {("acme/one",): 1.0} == samples(collected)["context_length_tokens"]


def test_retirements_list_models_in_use_earliest_first() -> None:
    rows = [model("acme/one", expiration_date="2026-09-02"), model("acme/two", expiration_date="2026-09-01")]
    collected, _ = read(*rows, model("acme/three", expiration_date="2026-08-30"), used=[use(), use("acme/two")])
    retirements = [(retirement.model, str(retirement.day)) for retirement in collected.summary.retirements]
    assert [("acme/two", "2026-09-01"), ("acme/one", "2026-09-02")] == retirements
