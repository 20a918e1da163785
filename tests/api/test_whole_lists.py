"""Lists that are marked as partial are refused, or their further pages are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.api.body import Page
from exporter.api.budget_rows import read_own_budgets
from exporter.api.model_rows import ModelRow, read_model_page
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.errors import InvalidResponse
from tests.api.reference import response_of
from tests.support import Pauses, finished

MODEL = {"id": "acme/one", "canonical_slug": "acme/one-20260101"}

partial = pytest.mark.parametrize(
    "more",
    [
        {"has_more": True},
        {"next_cursor": "abc"},
        {"links": {"next": "/models?offset=500"}},
        {"truncated": True},
        {"total_count": 2},
    ],
)


def models(response: Response) -> tuple[list[ModelRow], Page]:
    return finished(read_model_page(Pauses(), response, Rejections()))


def response(**fields: Any) -> Response:
    return response_of(json.dumps({"data": [MODEL], **fields}).encode())


@partial
def test_partial_list_of_budgets_is_refused(more: dict[str, Any]) -> None:
    """A limit on a missing page would look like one that does not exist."""
    with pytest.raises(InvalidResponse, match=r"only a part of the rows|1 of 2 rows"):
        read_own_budgets(response(**more), Rejections())


@partial
def test_partial_list_of_models_is_marked_as_partial(more: dict[str, Any]) -> None:
    _, page = models(response(**more))
    assert page.is_part


def test_complete_list_is_read() -> None:
    """A total_count equal to the number of rows and an empty link to the next page do not announce more."""
    listed, page = models(response(total_count=1, has_more=False, links={"next": None}))
    assert not page.is_part
    assert [(model.slug, model.permaslug) for model in listed] == [("acme/one", "acme/one-20260101")]
