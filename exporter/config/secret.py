"""Secrets: text that can't be printed by accident, and the places it is read from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from exporter.config.file_access import read_file
from exporter.errors import SecretError

LONGEST_KEY = 4096


class Secret:
    """Text that shows as `<secret>` wherever it is printed; `reveal()` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one request header it is meant for."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class SecretSource(Protocol):
    """Where a secret is read, and read again when the API refuses it: keys rotate."""

    def read(self) -> Secret:
        """Return the secret as it is now. Raise SecretError where there is none."""


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """A secret in an environment variable."""

    variable: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    def read(self) -> Secret:
        """Return the variable's value. Raise SecretError if it is unset or can't be a key."""
        return _usable(
            self.environment.get(self.variable, ""), f"environment variable {self.variable}", "unset or empty"
        )


@dataclass(frozen=True, slots=True)
class FileSecret:
    """A secret in a file, one trailing newline not counted."""

    path: Path

    def read(self) -> Secret:
        """Return the file's text. Raise SecretError if it can't be read or can't be a key."""
        try:
            text = read_file(self.path, LONGEST_KEY).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SecretError(f"file {self.path}: {reason}") from None
        if len(text) > LONGEST_KEY:
            raise SecretError(f"file {self.path} is longer than {LONGEST_KEY} bytes; this can't be a key")
        return _usable(text.removesuffix("\n").removesuffix("\r"), f"file {self.path}", "empty")


def _usable(text: str, source: str, nothing: str) -> Secret:
    if not text.strip():
        raise SecretError(f"{source} is {nothing}")
    if not text.isascii() or not text.isprintable() or " " in text:
        # It would break the header it is sent in; a second line is the usual reason.
        raise SecretError(f"{source} holds something else than one key: white space or control characters")
    return Secret(text)
