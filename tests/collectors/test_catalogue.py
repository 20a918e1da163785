"""`GET /models`: prices, retirement and names of the models in use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.errors import InvalidResponse, ListChanged
from exporter.status import Retirement
from tests.collectors.helpers import FixedClient, answer
from tests.support import NOON, FakeClock, finished

Samples = dict[str, dict[tuple[str, ...], float]]

PRICING = {"prompt": "0.000003", "completion": "0.000015"}


def model(slug: str = "acme/one", **fields: Any) -> dict[str, Any]:
    """Return a row of the catalogue; a field that is ... is left out."""
    row = {
        "id": slug,
        "canonical_slug": f"{slug}-2026",
        "name": "Acme: One",
        "context_length": 4096,
        "expiration_date": None,
        "pricing": PRICING,
    } | fields
    return {name: value for name, value in row.items() if value is not ...}


def use(name: str = "acme/one", permaslug: str = "", usd: float = 1.0) -> ModelUse:
    return ModelUse(name, permaslug, usd, 1.0)


def catalogue(*rows: Any, **around: Any) -> Response:
    return answer(json.dumps({"data": list(rows)} | around).encode())


def read(
    *rows: Any,
    used: Iterable[ModelUse] = (use(),),
    memory: object = None,
    clock: FakeClock | None = None,
    response: Response | None = None,
    **settings: Any,
) -> tuple[Collected, Poll]:
    """Let the collector poll once."""
    clock = clock or FakeClock(NOON)
    client = FixedClient(catalogue(*rows) if response is None else response)
    collector = CatalogueCollector("", CatalogueSettings(**settings), lambda: tuple(used))
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", client), clock=clock)
    return finished(collector.collect(poll, memory)), poll


def samples(collected: Collected) -> Samples:
    """Return what a scrape would show: family without `openrouter_model_`, label values, value."""
    assert collected.snapshot is not None
    return {
        family.metric.name.removeprefix("openrouter_model_"): {
            labels: value
            for labels, value in zip(family.label_sets.samples, family.values, strict=True)
            if value == value  # noqa: PLR0124
        }
        for family in collected.snapshot.families
    }


def prices(**pricing: Any) -> dict[str, float]:
    """Return the published prices of a model with these, by kind."""
    collected, _ = read(model(pricing=pricing))
    return {kind: price for (_, kind), price in samples(collected)["price_usd"].items()}


def unreadable(**fields: Any) -> dict[str, int]:
    """Return which fields of a row are counted as unreadable."""
    collected, poll = read(model(**fields))
    assert {("acme/one",): 1.0} == samples(collected)["listed"]
    return dict(poll.rejections.unreadable)


def test_model_in_use_is_published() -> None:
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
    """Without that an embedding model in use would look delisted."""
    _, poll = read(model())
    (request,) = cast("FixedClient", poll.client).requests
    assert ("/models", {"output_modalities": "all"}) == (request.path, request.parameters)


@pytest.mark.parametrize(
    ("text", "price"),
    [("0.00000015", 1.5e-07), ("0.0000001234567890123", 1.234567890123e-07), ("0", 0.0), ("1e-7", 1e-07), (0.5, 0.5)],
)
def test_price_is_read_exactly(text: object, price: float) -> None:
    """The float nearest to the decimal text."""
    assert {"prompt": price} == prices(prompt=text)


@pytest.mark.parametrize("text", ["-1", "-1.0", -1, None])
def test_price_of_minus_one_is_absent(text: object) -> None:
    assert {"completion": 1.0} == prices(prompt=text, completion="1")
    assert {} == unreadable(pricing={"prompt": text})


@pytest.mark.parametrize("text", ["free", "", "-0.5", "-2", "NaN", "inf", "1e400", [], {}, True])
def test_unusable_price_alone_is_absent_and_counted(text: object) -> None:
    assert {"completion": 1.0} == prices(prompt=text, completion="1")
    assert {"pricing.prompt": 1} == unreadable(pricing={"prompt": text, "completion": "1"})


def test_price_of_minus_zero_is_zero() -> None:
    assert ["0.0"] == [repr(price) for price in prices(prompt="-0").values()]


def test_unknown_kind_of_price_is_absent_and_counted() -> None:
    """All of them under one name, so that the API's names add no series."""
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
def test_unusable_promotion_is_absent_and_counted(pricing: dict[str, Any], field: str) -> None:
    assert {f"pricing.{field}": 1} == unreadable(pricing=pricing)


@pytest.mark.parametrize("pricing", ["cheap", []])
def test_prices_that_are_not_an_object_are_absent_and_counted(pricing: object) -> None:
    assert {"pricing": 1} == unreadable(pricing=pricing)


@pytest.mark.parametrize("day", ["soon", "2026", 2026, 1788220800, "2026-13-01", True, "0001-01-01", "1970-01-01"])
def test_expiration_that_is_not_a_date_is_absent_and_counted(day: object) -> None:
    assert {"expiration_date": 1} == unreadable(expiration_date=day)


def test_expiration_with_a_time_is_the_start_of_its_day() -> None:
    collected, _ = read(model(expiration_date="2026-09-01T15:30:00Z"))
    assert {("acme/one",): 1788220800.0} == samples(collected)["expiration_timestamp_seconds"]


@pytest.mark.parametrize("length", [None, ...])
def test_context_length_may_be_absent(length: object) -> None:
    assert {} == samples(read(model(context_length=length))[0])["context_length_tokens"]
    assert {} == unreadable(context_length=length)


def test_model_that_is_not_listed_is_0_and_has_no_other_series() -> None:
    collected, _ = read(model("acme/two"))
    assert {"listed": {("acme/one",): 0.0}} == {name: shown for name, shown in samples(collected).items() if shown}


def test_configured_models_are_published_if_they_are_listed() -> None:
    """The whole name must match; a model that is not listed has no series."""
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
def test_variants_and_renamed_models(used: ModelUse, listed: str, *, expected: bool) -> None:
    """The label `model` stays the name that activity has."""
    collected, _ = read(model(listed), used=[used])
    assert {(used.model,): float(expected)} == samples(collected)["listed"]
    assert ((used.model, listed),) * expected == collected.summary.listed_models


def test_unchanged_body_publishes_nothing() -> None:
    """But new models in use are published, with their rejected fields counted again."""
    rows = [model(context_length="long"), model("acme/two")]
    first, _ = read(*rows)
    again, poll = read(*rows, memory=first.memory)
    assert (None, {"context_length": 1}) == (again.snapshot, dict(poll.rejections.unreadable))
    more, _ = read(*rows, used=[use(), use("acme/two")], memory=again.memory)
    assert 2 == len(samples(more)["listed"])


@pytest.mark.parametrize("rows", [[], [model(f"acme/{number}") for number in range(5)]])
def test_catalogue_that_was_cut_fails_the_poll(rows: list[Any]) -> None:
    """Empty, or without half of its models: none of them is called delisted."""
    first, _ = read(*(model(f"acme/{number}") for number in range(10)))
    with pytest.raises(InvalidResponse, match=r"no model|it was truncated"):
        read(*rows, memory=first.memory)


def test_smaller_catalogue_is_believed_once_the_last_one_is_too_old() -> None:
    """An unchanged catalogue in between is as good as a new one."""
    clock, rows = FakeClock(NOON), [model(f"acme/{number}") for number in range(10)]
    memory = read(*rows, clock=clock)[0].memory
    clock.advance(86_000)
    memory = read(*rows, clock=clock, memory=memory)[0].memory
    clock.advance(86_000)
    with pytest.raises(InvalidResponse):
        read(*rows[:5], clock=clock, memory=memory)
    clock.advance(1000)
    assert read(*rows[:5], clock=clock, memory=memory)[0].snapshot is not None


class Paged(FixedClient):
    """An API that returns at most two models at once, whatever is requested."""

    def __init__(self, *rows: Any, end: bool = True, with_links: bool = True, total: Any = None) -> None:
        super().__init__(catalogue())
        self._rows, self._end, self._with_links = rows, end, with_links
        self._total = total or (lambda _offset: len(rows))

    async def request(self, request: Request, _deadline: float, **_: Any) -> Response:
        self.requests.append(request)
        offset = int(request.parameters.get("offset", "0"))
        after = f"/models?offset={offset + 2}" if offset + 2 < len(self._rows) or not self._end else None
        links = {"links": {"next": after}} if self._with_links else {}
        return catalogue(*self._rows[offset : offset + 2], total_count=self._total(offset), **links)


def read_paged(client: Paged, memory: object = None) -> Collected:
    clock = FakeClock(NOON)
    collector = CatalogueCollector("", CatalogueSettings(), lambda: (use("acme/4"),))
    poll = Poll(instant=NOON, deadline=clock.monotonic() + 300, client=cast("Client", client), clock=clock)
    collected = finished(collector.collect(poll, memory))
    assert not poll.rejections
    return collected


def test_part_of_the_catalogue_is_followed_to_its_end() -> None:
    """Page by page; and again with the next poll, because the first response does not show whether others changed."""
    client = Paged(*(model(f"acme/{number}") for number in range(5)))
    first = read_paged(client)
    assert {("acme/4",): 1.0} == samples(first)["listed"]
    assert [None, "0", "2", "4"] == [request.parameters.get("offset") for request in client.requests]
    assert read_paged(client, first.memory).snapshot is not None


def test_part_without_links_is_followed_until_the_total_is_reached() -> None:
    collected = read_paged(Paged(*(model(f"acme/{number}") for number in range(5)), with_links=False))
    assert {("acme/4",): 1.0} == samples(collected)["listed"]


def test_catalogue_that_changes_between_pages_fails_the_poll() -> None:
    """The model that moved to a page that was read already would look delisted."""
    client = Paged(*(model(f"acme/{number}") for number in range(5)), total=lambda offset: 5 if offset < 2 else 4)
    with pytest.raises(ListChanged, match="from 5 to 4 models"):
        read_paged(client)


def test_pages_that_do_not_end_fail_the_poll() -> None:
    with pytest.raises(InvalidResponse, match="does not end"):
        read_paged(Paged(model("acme/1"), end=False))


@pytest.mark.parametrize("around", [{"total_count": 2}, {"links": {"next": "/models?offset=1"}}, {"has_more": True}])
def test_part_that_stays_a_part_fails_the_poll(around: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        read(response=catalogue(model(), **around))


@pytest.mark.parametrize("content", [b'{"data":[{"id":"acme/one"},{"id"', b"<html>", b'{"data":{}}', b""])
def test_body_that_is_not_a_catalogue_fails_the_poll(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read(response=answer(content))


def test_row_without_a_name_is_rejected_alone() -> None:
    collected, poll = read(model(), model(id=None), model(id=7), "row", None)
    assert {("acme/one",): 1.0} == samples(collected)["listed"]
    assert {"missing_model": 4} == dict(poll.rejections.counts)


def test_no_model_is_called_delisted_beside_a_row_without_a_name() -> None:
    collected, _ = read(model(), model(id=7), used=[use(), use("acme/two")])
    assert {("acme/one",): 1.0} == samples(collected)["listed"]


def test_model_that_is_listed_many_times_counts_once_towards_the_size() -> None:
    """Ten times the same model, where there were ten: the catalogue was cut."""
    first, _ = read(*(model(f"acme/{number}") for number in range(10)))
    with pytest.raises(InvalidResponse, match="it was truncated"):
        read(*[model()] * 10, memory=first.memory)


def test_dated_name_that_is_not_text_costs_only_itself() -> None:
    collected, _ = read(model(canonical_slug=5))
    assert {("acme/one", "", "Acme: One"): 1.0} == samples(collected)["info"]


def test_body_that_only_a_loose_reader_accepts_is_read() -> None:
    """NaN, and bytes that are not UTF-8."""
    body = b'{"data":[{"id":"acme/one","name":"\xff","context_length":NaN,"pricing":{"prompt":"1"}}]}'
    collected, poll = read(response=answer(body))
    assert {("acme/one", "prompt"): 1.0} == samples(collected)["price_usd"]
    assert {"name": 1, "context_length": 1} == dict(poll.rejections.unreadable)


def test_first_of_two_rows_of_a_model_counts() -> None:
    collected, _ = read(model(context_length=1), model(context_length=2))
    assert {("acme/one",): 1.0} == samples(collected)["context_length_tokens"]


def test_retirements_are_those_of_models_in_use() -> None:
    """The first to go first."""
    rows = [model("acme/one", expiration_date="2026-09-02"), model("acme/two", expiration_date="2026-09-01")]
    collected, _ = read(*rows, model("acme/three", expiration_date="2026-08-30"), used=[use(), use("acme/two")])
    days = [str(retirement.day) for retirement in collected.summary.retirements]
    assert (["acme/two", "acme/one"], ["2026-09-01", "2026-09-02"]) == (
        [each.model for each in collected.summary.retirements],
        days,
    )
    assert all(isinstance(each, Retirement) for each in collected.summary.retirements)
