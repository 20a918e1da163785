"""Rows of `GET /models`: names, prices and retirement of each model.

The list has hundreds of models, and only those in use are of interest: each row is decoded for its names alone, and in
full only on request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from exporter.api.body import LOOSE, NOT_JSON, loose_text, more_rows, read_raw_rows
from exporter.api.field_values import LARGEST_NUMBER, LONGEST_TEXT, Fields, as_number, parse_time
from exporter.api.rejections import Rejections
from exporter.api.response import Response, pieces
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
_SHORTEST_DATE = 10  # characters
_FIRST_YEAR = 2023  # of OpenRouter; 0001-01-01 and 1970-01-01 stand for no date


class _Names(msgspec.Struct):
    id: str
    canonical_slug: str | None = None


class ModelRow(NamedTuple):
    """A model's two names, and its row, which may still be encoded.

    `slug` is what requests use, `permaslug` what analytics rows name; empty if there is none.
    """

    slug: str
    permaslug: str
    row: Any


class Pricing(NamedTuple):
    """Prices by kind, in US dollars; a promotion's discount, and the number of prices for special conditions."""

    prices: Mapping[str, float]
    discount: float | None
    overrides: float | None


class ModelDetails(NamedTuple):
    """What a row has about its model; None is unknown. `retired_at` is a Unix time."""

    name: str
    context_length: float | None
    retired_at: float | None
    pricing: Pricing


_decode_names = msgspec.json.Decoder(_Names).decode


class ModelPage(NamedTuple):
    """The models of a response, its number of rows, and the fields around these."""

    models: list[ModelRow]
    rows: int
    about: Mapping[str, Any]

    @property
    def is_part(self) -> bool:
        """Whether the response reports that it does not have all models."""
        return more_rows(self.about) is not None or self.total > self.rows

    @property
    def total(self) -> float:
        """The number of all models as the response has it; NaN if it does not."""
        return as_number(self.about.get("total_count"))


async def read_model_page(pause: Pause, response: Response, rejections: Rejections) -> ModelPage:
    """Return the models of a response; rows without a name are rejected (`missing_model`). Raises InvalidResponse."""
    body = bytearray()
    for piece in pieces(response):
        body += piece
        await pause()
    models = []
    rows, about = read_raw_rows(bytes(body), "a list of models")
    for row in rows:
        await pause()
        model = _model_row(row)
        if model is None:
            rejections.reject("missing_model", _decoded(row))
        else:
            models.append(model)
    return ModelPage(models, len(rows), about)


def model_details(row: Any, unreadable: Counter[str]) -> ModelDetails:
    """Return the details in a row. A value that cannot be read is absent by itself, and counted in `unreadable`."""
    fields = Fields(_decoded(row), unreadable)
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


def _model_row(row: Any) -> ModelRow | None:
    if isinstance(row, msgspec.Raw):
        try:
            names = _decode_names(row)
        except NOT_JSON:
            row = _decoded(row)  # perhaps only the other name cannot be read
        else:
            return ModelRow(names.id, names.canonical_slug or "", row) if 0 < len(names.id) <= LONGEST_TEXT else None
    fields = Fields(row if isinstance(row, Mapping) else {})
    slug = fields.text("id")
    return ModelRow(slug, fields.text("canonical_slug") or "", row) if slug else None


def _decoded(row: Any) -> Mapping[str, Any]:
    value = row
    if isinstance(row, msgspec.Raw):
        try:
            value = msgspec.json.decode(row)
        except NOT_JSON:
            value = LOOSE.decode(loose_text(bytes(row)))
    return value if isinstance(value, Mapping) else {}


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
