"""Incomplete lists of models: further pages are read, or the list is refused."""

from __future__ import annotations

from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.collectors.base import Collected, Poll
from exporter.collectors.catalogue.catalogue_collector import CatalogueCollector
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.errors import InvalidResponse, ListChanged
from tests.collectors.catalogue_polls import catalogue, model, read, samples, use
from tests.collectors.helpers import FixedClient, response_of
from tests.support import NOON, FakeClock, finished

MANY = [use(f"acme/{number}") for number in range(10)]


@pytest.mark.parametrize("rows", [[], [model(f"acme/{number}") for number in range(5)]])
def test_truncated_catalogue_fails_the_poll(rows: list[Any]) -> None:
    """It is empty or lacks half of its models, and must not make them look delisted."""
    first, _ = read(*(model(f"acme/{number}") for number in range(10)))
    with pytest.raises(InvalidResponse, match=r"no model|it was truncated"):
        read(*rows, memory=first.memory)


def test_first_catalogue_that_lacks_many_models_in_use_must_be_confirmed() -> None:
    """It may be truncated, and no earlier one can be compared with it. The models that it lists are published."""
    clock, rows = FakeClock(NOON), [model(f"acme/{number}") for number in range(7)]
    present = {(f"acme/{number}",): 1.0 for number in range(7)}
    memory = read(*rows, used=(), clock=clock)[0].memory  # before the models in use are known
    for seconds, absent in ((5, {}), (1794, {}), (1, {(f"acme/{number}",): 0.0 for number in (7, 8, 9)})):
        clock.advance(seconds)
        collected, _ = read(*rows, used=MANY, clock=clock, memory=memory)
        memory = collected.memory
        assert present | absent == samples(collected)["listed"]


def test_complete_catalogue_after_a_truncated_one_is_accepted_at_once() -> None:
    clock, rows = FakeClock(NOON), [model(f"acme/{number}") for number in range(9)]
    memory = read(*rows[:5], used=MANY, clock=clock)[0].memory
    clock.advance(60)
    collected, _ = read(*rows, used=MANY, clock=clock, memory=memory)
    assert 0.0 == samples(collected)["listed"][("acme/9",)]


def test_first_catalogue_may_lack_a_few_models_in_use() -> None:
    """Models retire one by one."""
    collected, _ = read(*(model(f"acme/{number}") for number in range(8)), used=MANY)
    assert [0.0, 0.0] == [samples(collected)["listed"][(f"acme/{number}",)] for number in (8, 9)]


def test_smaller_catalogue_is_accepted_when_the_last_one_is_too_old() -> None:
    """An unchanged catalogue renews the last one."""
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
    """An API that returns at most two models per response."""

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


def test_all_pages_of_the_catalogue_are_read() -> None:
    """The next poll reads them again, because an unchanged first page does not show whether others changed."""
    client = Paged(*(model(f"acme/{number}") for number in range(5)))
    first = read_paged(client)
    assert {("acme/4",): 1.0} == samples(first)["listed"]
    assert [None, "0", "2", "4"] == [request.parameters.get("offset") for request in client.requests]
    assert read_paged(client, first.memory).snapshot is not None


def test_pages_without_links_are_read_up_to_the_total_count() -> None:
    collected = read_paged(Paged(*(model(f"acme/{number}") for number in range(5)), with_links=False))
    assert {("acme/4",): 1.0} == samples(collected)["listed"]


def test_catalogue_that_changes_between_pages_fails_the_poll() -> None:
    """A model that moved to a page already read would look delisted."""
    client = Paged(*(model(f"acme/{number}") for number in range(5)), total=lambda offset: 5 if offset < 2 else 4)
    with pytest.raises(ListChanged, match="from 5 to 4 models"):
        read_paged(client)


def test_endless_pages_fail_the_poll() -> None:
    with pytest.raises(InvalidResponse, match="does not end"):
        read_paged(Paged(model("acme/1"), end=False))


@pytest.mark.parametrize("around", [{"total_count": 2}, {"links": {"next": "/models?offset=1"}}, {"has_more": True}])
def test_catalogue_that_stays_partial_fails_the_poll(around: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        read(response=catalogue(model(), **around))


@pytest.mark.parametrize("content", [b'{"data":[{"id":"acme/one"},{"id"', b"<html>", b'{"data":{}}', b""])
def test_body_that_is_not_a_catalogue_fails_the_poll(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read(response=response_of(content))


def test_repeated_model_counts_once_towards_the_size_of_the_catalogue() -> None:
    """A list of one model ten times, after one of ten models, was truncated."""
    first, _ = read(*(model(f"acme/{number}") for number in range(10)))
    with pytest.raises(InvalidResponse, match="it was truncated"):
        read(*[model()] * 10, memory=first.memory)
