"""Rows of `GET /models`: names, prices and retirement of each model.

The list has hundreds of models: rows become objects one by one, and prices are read only of those in use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from exporter.api.body import (
    Page,
    RawRows,
    decode_fields,
    decode_row,
    decode_strictly,
    list_of_rows,
    take_surroundings,
    whole_body,
)
from exporter.api.field_values import LARGEST_NUMBER, Fields, as_number, parse_time
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause

# USD per token, but for those per unit: request, image, web_search.
PRICE_KINDS = (
    "prompt",
    "completion",
    "request",
    "image",
    "image_output",
    "image_token",
    "audio",
    "audio_output",
    "web_search",
    "internal_reasoning",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
    "input_audio_cache",
)
NO_PRICE = -1.0  # of a model that forwards requests to others
_NOT_PRICES = ("discount", "overrides")
_WHAT = "a list of models"
_SHORTEST_DATE = 10  # characters
_FIRST_YEAR = 2023  # of OpenRouter; 0001-01-01 and 1970-01-01 stand for no date


class ModelRow(NamedTuple):
    """A model's two names, and its row.

    `slug` is what requests use, `permaslug` what analytics rows name; empty if there is none.
    """

    slug: str
    permaslug: str
    row: Mapping[str, Any]


class Pricing(NamedTuple):
    """Prices by kind in US dollars, a promotion's discount, and the number of prices for special conditions."""

    prices: Mapping[str, float]
    discount: float | None
    overrides: float | None


class ModelDetails(NamedTuple):
    """The fields of a model's row, None where the API reports nothing. `retired_at` is a Unix time."""

    name: str
    context_length: float | None
    retired_at: float | None
    pricing: Pricing


_decode_body = msgspec.json.Decoder(RawRows).decode


async def read_model_page(pause: Pause, response: Response, rejections: Rejections) -> tuple[list[ModelRow], Page]:
    """Return the models of a page, and the page; rows without a name are rejected (`missing_model`).

    Raises InvalidResponse.
    """
    page = _page(await whole_body(pause, response))
    models = []
    for encoded in page.rows:
        await pause()
        row = decode_row(encoded)
        fields = Fields(row if isinstance(row, Mapping) else {})
        slug = fields.text("id")
        if slug:
            models.append(ModelRow(slug, fields.text("canonical_slug") or "", fields.values))
        else:
            rejections.reject("missing_model", fields.values)
    return models, page


def _page(body: bytes) -> Page:
    strict = decode_strictly(body, _decode_body)
    if strict is None:
        fields: dict[str, Any] = decode_fields(body, _WHAT)
        return Page(list_of_rows(fields, _WHAT), fields)
    fields = {}
    take_surroundings(strict, fields)
    return Page(list(strict.data), fields)


def model_details(row: Mapping[str, Any], unreadable: Counter[str]) -> ModelDetails:
    """Return the details in a row. A value that cannot be read is absent by itself, and counted in `unreadable`."""
    fields = Fields(row, unreadable)
    return ModelDetails(
        name=fields.text("name") or "",
        context_length=fields.count("context_length"),
        retired_at=_date(fields, "expiration_date"),
        pricing=read_pricing(fields),
    )


def read_pricing(fields: Fields) -> Pricing:
    """Return the prices of a model or an endpoint."""
    pricing = fields.object("pricing")
    unreadable, prices = pricing.unreadable, {}
    for kind, text in pricing.values.items():
        if kind in _NOT_PRICES or text is None:
            continue
        if kind not in PRICE_KINDS:
            unreadable["pricing.unknown_kind"] += 1
            continue
        price = as_number(text)
        if 0 <= price <= LARGEST_NUMBER:
            prices[kind] = price + 0.0  # "-0" is 0
        elif price != NO_PRICE:
            unreadable[f"pricing.{kind}"] += 1
    discount, overrides = pricing.values.get("discount"), pricing.values.get("overrides")
    share = as_number(discount)
    if discount is not None and not 0 <= share <= 1:
        unreadable["pricing.discount"] += 1
    if overrides is not None and not isinstance(overrides, list):
        unreadable["pricing.overrides"] += 1
    return Pricing(
        prices=prices,
        discount=share if 0 <= share <= 1 else None,
        overrides=float(len(overrides)) if isinstance(overrides, list) else None,
    )


def _date(fields: Fields, name: str) -> float | None:
    """Return the start of a day in UTC as Unix time. A number is not a date: it could be a year or a time."""
    value = fields.values.get(name)
    if value is None:
        return None
    day = parse_time(value) if isinstance(value, str) and len(value) >= _SHORTEST_DATE else None
    if day is None or day.year < _FIRST_YEAR:
        fields.unreadable[name] += 1
        return None
    return day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
