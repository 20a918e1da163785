"""Rows of `GET /models`: the names of each model."""

from __future__ import annotations

from typing import Any

import msgspec

from exporter.api.body import read_whole_list
from exporter.api.response import Response


class ModelRow(msgspec.Struct, frozen=True, gc=False):
    """A model's two names: `slug` is what requests use, `permaslug` what analytics rows name."""

    slug: str
    permaslug: str


def model_rows(response: Response) -> list[ModelRow]:
    """Return the models of a response; rows without both names are left out. Raises InvalidResponse."""
    rows = (_model_row(row) for row in read_whole_list(response, "a list of models").rows)
    return [row for row in rows if row is not None]


def _model_row(row: Any) -> ModelRow | None:
    if not isinstance(row, dict):
        return None
    slug, permaslug = row.get("id"), row.get("canonical_slug")
    return ModelRow(slug, permaslug) if isinstance(slug, str) and isinstance(permaslug, str) else None
