"""Mistakes in a file: collected while it is read, and reported all at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from exporter.errors import ConfigurationError, Mistake

_LONGEST_SHOWN = 60

# A key or a password in the wrong place must not get into a log with the message about it.
_SECRETS = re.compile(r"\bsk-[a-z]+-[^\s\"',;]+|(?<=:)\S+(?=@)")


class Position(NamedTuple):
    """The position in the file at which something begins; both count from 1."""

    line: int
    column: int


class Report:
    """The mistakes of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._mistakes: set[Mistake] = set()

    def add(self, position: Position, message: str) -> None:
        """Add a mistake. Accounts that share a section have its mistakes in common: each counts once."""
        self._mistakes.add(Mistake(self._file, position.line, position.column, _SECRETS.sub("<secret>", message)))

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """All mistakes, in the file's order."""
        return tuple(sorted(self._mistakes, key=lambda mistake: (mistake.line, mistake.column, mistake.message)))

    def error(self) -> ConfigurationError:
        """Return the error with all mistakes."""
        return ConfigurationError(self.mistakes)

    def raise_if_any(self) -> None:
        """Raise ConfigurationError if there is a mistake."""
        if self._mistakes:
            raise self.error()


def shown(text: str) -> str:
    """Return text fit for a message: short, printable, and without anything that looks like a key or a password."""
    text = _SECRETS.sub("<secret>", text)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 3] + "..."
    return text if text.isprintable() else repr(text)[1:-1]


def quoted(text: str) -> str:
    """Return what `shown` returns, in double quotes."""
    return f'"{shown(text)}"'


def few(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return f"{', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, None if none is close."""
    by_folded = {name.casefold(): name for name in known}
    # Comparing costs the square of the length, and a long word is not a mistyped short one.
    matches = difflib.get_close_matches(word[:_LONGEST_SHOWN].casefold(), by_folded, n=1)
    return by_folded[matches[0]] if matches else None
