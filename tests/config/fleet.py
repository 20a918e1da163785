"""A configuration with accounts outside its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exporter.collectors.registry import SECTION
from exporter.config.configuration import Configuration
from exporter.config.load import load

KEY = "sk-or-v1-test"
ENVIRONMENT = {"KEY": KEY}
FILES = 'account_files: ["accounts.d/*.yaml"]\n'
FROM = "accounts_from: {directory: keys}\n"


class Fleet:
    """A configuration file with account files and a directory of keys, which is loaded repeatedly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = Configuration()
        for name in ("accounts.d", "keys"):
            (folder / name).mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, owns: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Read everything, and return the names of accounts."""
        previous = self.configuration.accounts
        path = self.folder / "exporter.yaml"
        self.configuration = load(path, ENVIRONMENT, collectors=SECTION, owns=owns, previous=previous)
        return [account.name for account in self.configuration.accounts]

    @property
    def mistakes(self) -> list[str]:
        return [str(mistake).replace(f"{self.folder}/", "") for mistake in self.configuration.mistakes]


def entry(name: str, more: str = "") -> str:
    return f"- {{name: {name}, api_key_env: KEY{more}}}\n"
