"""What the web layer needs of the daemon: the one seam between HTTP and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from exporter.status import Status


class MetricsResponse(Protocol):
    """One exposition, ready to be sent. `content_encoding` None is uncompressed."""

    @property
    def body(self) -> bytes:
        """Return the bytes, compressed if `content_encoding` says so."""

    @property
    def content_type(self) -> str:
        """Return the negotiated Content-Type, parameters included."""

    @property
    def content_encoding(self) -> str | None:
        """Return the negotiated Content-Encoding."""


class Daemon(Protocol):
    """What is asked of the daemon, request by request. Nothing here may block."""

    def scrape(self, accept: str, accept_encoding: str, names: Sequence[str]) -> MetricsResponse:
        """Return the exposition that the two headers ask for; of the families in `names` if there are any."""

    def status(self) -> Status:
        """Return how collecting goes."""

    def healthy(self) -> str | None:
        """Return None while the daemon works, else the reason why it doesn't."""

    def ready(self) -> str | None:
        """Return None once every collector has attempted, else the reason to wait."""

    def configuration(self) -> str:
        """Return the effective configuration as YAML, secrets hidden."""

    async def reload(self) -> None:
        """Read the configuration anew and swap it in; raise ExporterError and change nothing if it is bad."""
