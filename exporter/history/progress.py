"""Progress of an export: one line, updated in place, if the stream is a terminal; otherwise nothing."""

from __future__ import annotations

import contextlib
from datetime import date
from types import TracebackType
from typing import Self, TextIO

from exporter.clock import Clock
from exporter.history.output import Output

SECONDS_BETWEEN_LINES = 0.2
MEGABYTE = 1_000_000
TO_START_OF_LINE, CLEAR = "\r", "\x1b[K"


class Progress:
    """Shows accounts, days and bytes. `stream` is written to only if it is a terminal."""

    def __init__(self, stream: TextIO, output: Output, accounts: int, clock: Clock) -> None:
        self._stream = stream if stream.isatty() else None
        self._output = output
        self._accounts = accounts
        self._clock = clock
        self._number = 0
        self._name = ""
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._print("")

    def start(self, name: str) -> None:
        """Show that an account begins."""
        self._number += 1
        self._name = name
        self.show("reading")

    def day(self, day: date, last: date) -> None:
        """Show the day that was read, and the last day to read."""
        self.show(f"day {day}, up to {last}", hurried=True)

    def show(self, what: str, *, hurried: bool = False) -> None:
        """Show what is being done; `hurried` steps come too often to show each."""
        now = self._clock.monotonic()
        if self._stream is None or (hurried and now < self._next):
            return
        self._next = now + SECONDS_BETWEEN_LINES
        written = f"{self._output.written / MEGABYTE:,.1f} MB"
        self._print(f"account {self._number} of {self._accounts} ({self._name}): {what}, {written} written")

    def _print(self, text: str) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.write(f"{TO_START_OF_LINE}{text}{CLEAR}")
                self._stream.flush()
