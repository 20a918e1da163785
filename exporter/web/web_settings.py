"""The web layer's command-line settings: telemetry path, route prefix, lifecycle routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")  # characters that clients and proxies never escape


def telemetry_path(text: str) -> str:
    """Return `text` as the path of the metrics; raise ValueError if it is not a valid path."""
    path = "/" + text.strip("/")
    if path != "/" and not _PATH.fullmatch(path):
        raise ValueError(f"{text!r} is not a path such as /metrics")
    if path == "/-" or path.startswith("/-/"):
        raise ValueError(f"{text!r} is reserved: paths below /-/ belong to the exporter")
    return path


def route_prefix(text: str) -> str:
    """Return `text` as the prefix of all routes, such as /openrouter, or empty; raise ValueError if it is invalid."""
    prefix = text.strip("/")
    if not prefix:
        return ""
    if not _PATH.fullmatch(f"/{prefix}"):
        raise ValueError(f"{text!r} is not a prefix such as /openrouter")
    return f"/{prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The settings; paths are normalised by `telemetry_path` and `route_prefix`."""

    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    enable_lifecycle: bool = False

    def path(self, route: str) -> str:
        """Return the path of a route."""
        return self.route_prefix + route
