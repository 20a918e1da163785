"""Content negotiation: the exposition format and encoding for the Accept headers of a scraper.

Prometheus 2.x prefers OpenMetrics 1.0.0. Prometheus 3.x also accepts text 1.0.0, and fails a scrape whose Content-Type
it does not know. All our names use the legacy character set. Every escaping scheme leaves it unchanged except `dots`,
which doubles underscores and is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FormatName = Literal["text", "openmetrics"]
ESCAPINGS = ("allow-utf-8", "underscores", "values")


@dataclass(frozen=True, slots=True)
class Format:
    """An exposition format, and the Content-Type that names it and its version."""

    name: FormatName
    content_type: str


TEXT = Format("text", "text/plain; version=0.0.4; charset=utf-8")


@dataclass(frozen=True, slots=True)
class _Choice:
    media_type: str
    parameters: dict[str, str]
    quality: float


def choose_format(accept: str) -> Format:
    """Return the format that the scraper prefers among ours; text 0.0.4 if it accepts none of them."""
    best, best_quality = TEXT, 0.0
    for choice in _choices(accept):
        offered = _format(choice)
        if offered is not None and choice.quality > best_quality:
            best, best_quality = offered, choice.quality
    return best


def _format(choice: _Choice) -> Format | None:
    version, escaping = choice.parameters.get("version", ""), choice.parameters.get("escaping")
    suffix = f"; escaping={escaping}" if escaping in ESCAPINGS else ""
    match choice.media_type, version:
        case "application/openmetrics-text", "1.0.0" | "":
            return Format("openmetrics", f"application/openmetrics-text; version=1.0.0; charset=utf-8{suffix}")
        case "text/plain", "1.0.0":
            suffix = suffix or "; escaping=underscores"
            return Format("text", f"text/plain; version=1.0.0; charset=utf-8{suffix}")
        case ("text/plain", "0.0.4" | "") | (("*/*" | "text/*"), _):
            return TEXT
        case _:
            return None


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is accepted: by name or by `*`, with a quality above 0."""
    qualities = {choice.media_type: choice.quality for choice in _choices(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _choices(field: str) -> list[_Choice]:
    choices = []
    for item in field.split(","):
        media_type, *rest = (part.strip() for part in item.split(";"))
        parameters = {}
        for part in rest:
            name, _, value = part.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        choices.append(_Choice(media_type.lower(), parameters, _quality(parameters.pop("q", "1"))))
    return choices


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
