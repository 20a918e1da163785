"""What keeps an export from being whole."""

from __future__ import annotations

from exporter.api.rejections import Rejections
from exporter.errors import ExportError


def refuse_incomplete(rejections: Rejections) -> None:
    """Raise ExportError if rows are missing that totals need."""
    if rejections.missing:
        sample = f", such as {rejections.sample[0]}" if rejections.sample else ""
        raise ExportError(f"{rejections.missing} rows cannot be used{sample}: totals would lack them")
