"""The base class of the values of `--format`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from exporter.history.account_source import AccountSource


class HistoryFormat(ABC):
    """Writes one account after another to its output, and then the end of the file."""

    @abstractmethod
    async def write(self, source: AccountSource) -> None:
        """Write one account. Raise PollError, CatalogueError, ExportError and OSError."""

    def end(self) -> None:  # noqa: B027  # a table ends with its last row
        """Write the end of the file, if the format has one. Raise OSError."""

    def notes(self) -> Sequence[str]:
        """Return remarks and next steps for the user, once the file is complete."""
        return ()
