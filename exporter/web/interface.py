"""The interface that the web layer needs from the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from exporter.status import Status

# The body of an exposition, its Content-Type, and its Content-Encoding; None is uncompressed.
MetricsResponse = tuple[bytes, str, str | None]


class Daemon(Protocol):
    """The daemon. No method may block."""

    def scrape(
        self, accept: str, accept_encoding: str, names: Sequence[str], accounts: Sequence[str]
    ) -> MetricsResponse:
        """Return the exposition for these Accept headers; only the families in `names` if there are any.

        With `accounts`, it has only the series of those that exist. Raise UnknownAccount if none does.
        """

    def status(self) -> Status:
        """Return the state of collecting."""

    def healthy(self) -> str | None:
        """Return None while the daemon works, otherwise the reason why it does not."""

    def ready(self) -> str | None:
        """Return None once every collector has attempted a poll, otherwise the reason to wait."""

    def configuration(self) -> str:
        """Return the effective configuration as YAML, without secrets."""

    async def reload(self) -> None:
        """Read the configuration again and switch to it; raise ExporterError, and change nothing, if it is invalid.

        Raise AccountsRejected if all but some accounts changed.
        """
