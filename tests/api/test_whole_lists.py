"""Lists that are not followed to further pages: a response that says it is partial is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from exporter.api.budget_rows import read_own_budgets
from exporter.api.model_rows import ModelRow, read_models
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.errors import InvalidResponse
from tests.api.reference import answer_of
from tests.support import Pauses, finished

MODEL = {"id": "acme/one", "canonical_slug": "acme/one-20260101"}


def models(response: Response) -> list[ModelRow]:
    return finished(read_models(Pauses(), response, Rejections()))


def own_budgets(response: Response) -> object:
    return read_own_budgets(response, Rejections())


def response(**fields: Any) -> Response:
    return answer_of(json.dumps({"data": [MODEL], **fields}).encode())


@pytest.mark.parametrize("read", [models, own_budgets])
@pytest.mark.parametrize(
    "more",
    [
        {"has_more": True},
        {"next_cursor": "abc"},
        {"links": {"next": "/models?offset=500"}},
        {"truncated": True},
        {"total_count": 2},
    ],
)
def test_partial_list_is_refused(read: Callable[[Response], object], more: dict[str, Any]) -> None:
    """A name or a limit that is missing would look like one that does not exist."""
    with pytest.raises(InvalidResponse, match=r"only a part of the rows|1 of 2 rows"):
        read(response(**more))


def test_whole_list_is_read() -> None:
    """A count that the rows reach, and links to no further page, announce nothing."""
    listed = models(response(total_count=1, has_more=False, links={"next": None}))
    assert [(model.slug, model.permaslug) for model in listed] == [("acme/one", "acme/one-20260101")]
