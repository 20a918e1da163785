"""Where things are served: the telemetry path, the route prefix, and what may be done over HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")  # the characters that no client and no proxy escapes


def telemetry_path(text: str) -> str:
    """Return `text` as a path that metrics can be served under; raise ValueError if it can't be one."""
    path = "/" + text.strip("/")
    if path != "/" and not _PATH.fullmatch(path):
        raise ValueError(f"{text!r} is not a path such as /metrics")
    if path == "/-" or path.startswith("/-/"):
        raise ValueError(f"{text!r} is taken: paths below /-/ are the exporter's own")
    return path


def route_prefix(text: str) -> str:
    """Return `text` as a prefix of all routes, such as /openrouter, or empty; raise ValueError if it can't be one."""
    prefix = text.strip("/")
    if not prefix:
        return ""
    if not _PATH.fullmatch(f"/{prefix}"):
        raise ValueError(f"{text!r} is not a prefix such as /openrouter")
    return f"/{prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What of the command line concerns the web layer; paths as `telemetry_path` and `route_prefix` return them."""

    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    enable_lifecycle: bool = False

    def path(self, route: str) -> str:
        """Return where a route is served."""
        return self.route_prefix + route
