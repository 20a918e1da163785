"""Secrets: text that can't be printed by accident, and where it is read from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from exporter.config.file_access import read_file
from exporter.errors import SecretError

LONGEST_KEY = 4096
MANAGEMENT_KEYS = "https://openrouter.ai/settings/management-keys"

# Patterns of text that people write instead of a key, and the messages. A message never has the text itself.
_MISTAKES = (
    (r"""["'].*|.*["']""", "has quotes, which `docker --env-file` does not remove; write the key without quotes"),
    (
        r"sk-or-(v1-)?([*]+|[xX]+|<.*>)|<.*>|.*(…|\.\.\.).*",
        f"contains a placeholder or a shortened key; use a complete key from {MANAGEMENT_KEYS}",
    ),
    (r"\$.*|.*\$[({].*", "has a reference to a variable ($) that nothing replaced; write the key itself"),
    (r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*=[^=].*", "has a name and = before the key; write the key alone"),
    (r"(?i:bearer)\s.*", "has the word Bearer before the key; write the key alone"),
    (r".*[\r\n].*", "has several lines; expected one key"),
    # Any of these would break the header that the key is sent in.
    (r".*[^!-~].*", "has white space, control characters or letters other than ASCII in the key"),
)


class Secret:
    """Text that is printed as `<secret>`; only `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the request header."""
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
    """The source of a secret. It is read again when the API rejects the secret, because keys rotate."""

    def read(self) -> Secret:
        """Return the current secret. Raise SecretError if there is none."""


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """A secret in an environment variable."""

    variable: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    def read(self) -> Secret:
        """Return the variable's value. Raise SecretError if it is unset or can't be a key."""
        return _usable(self.environment.get(self.variable, ""), str(self), "unset or empty")

    def __str__(self) -> str:
        return f"environment variable {self.variable}"


@dataclass(frozen=True, slots=True)
class FileSecret:
    """A secret in a file."""

    path: Path

    def read(self) -> Secret:
        """Return the file's text. Raise SecretError if it can't be read or can't be a key."""
        try:
            text = read_file(self.path, LONGEST_KEY).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SecretError(f"{self}: {reason}") from None
        if len(text) > LONGEST_KEY:
            raise SecretError(f"{self} is longer than {LONGEST_KEY} bytes; this can't be a key")
        return _usable(text, str(self), "empty")

    def __str__(self) -> str:
        return f"file {self.path}"


def _usable(text: str, source: str, nothing: str) -> Secret:
    """Return a key without the white space around it. Raise SecretError if it can't be sent, or can't be a key."""
    text = text.strip()
    if not text:
        raise SecretError(f"{source} is {nothing}")
    for pattern, mistake in _MISTAKES:
        if re.fullmatch(pattern, text, re.DOTALL):
            raise SecretError(f"{source} {mistake}")
    return Secret(text)
