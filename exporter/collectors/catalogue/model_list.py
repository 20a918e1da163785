"""The list of all models, `GET /models`, whole even if the API returns it in parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from exporter.api.client import Request
from exporter.api.model_rows import ModelRow, read_model_page
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.base import Poll
from exporter.errors import InvalidResponse, ListChanged

OPERATION = "models"
PAGE_SIZE, MOST_PAGES = 1000, 20  # if the API returns only a part although no page was requested

LIST_MODELS = Request(
    operation=OPERATION,
    path="/models",
    # Without it only models that write text are listed, and an embedding model in use would look delisted.
    parameters={"output_modalities": "all"},
    longest_response=32 * 1024 * 1024,
)


async def read_models(poll: Poll, response: Response, rejections: Rejections) -> tuple[list[ModelRow], bool]:
    """Return all models, and whether they are those of this response to `LIST_MODELS` alone. Raises PollError."""
    of_response = Rejections()
    with poll.reading(OPERATION):
        models, page = await read_model_page(poll.pause, response, of_response)
    if page.is_part:
        return await _read_pages(poll, rejections), False
    rejections.update(of_response)
    return models, True


async def _read_pages(poll: Poll, rejections: Rejections) -> list[ModelRow]:
    """Return all models, page by page.

    Raise InvalidResponse if the pages do not end, and ListChanged if models came or went between two of them: when one
    is removed from a page that was read, the first of the next page moves to it, and is in neither.
    """
    models: list[ModelRow] = []
    rows, total = 0, math.nan
    for _ in range(MOST_PAGES):
        parameters = {**LIST_MODELS.parameters, "offset": str(rows), "limit": str(PAGE_SIZE)}
        response = await poll.request(replace(LIST_MODELS, parameters=parameters))
        with poll.reading(OPERATION):
            listed, page = await read_model_page(poll.pause, response, rejections)
            if rows and page.total != total and not math.isnan(page.total + total):
                raise ListChanged(f"the catalogue went from {total:g} to {page.total:g} models between two pages")
            known = number_of(models)
            models += listed
            rows, total = rows + len(page.rows), page.total
            if number_of(models) == known:  # such as the first page again
                break
            if page.more is None and not total > rows:
                return models
    with poll.reading(OPERATION):
        raise InvalidResponse(f"the catalogue has {rows} models in {MOST_PAGES} pages or fewer, and does not end")


def number_of(models: Iterable[ModelRow]) -> int:
    """Return the number of different models."""
    return len({model.slug for model in models})
