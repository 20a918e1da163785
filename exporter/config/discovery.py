"""Finding accounts outside the configuration file: in account files, and in a directory of key files."""

from __future__ import annotations

import fnmatch
import glob
import os
from dataclasses import dataclass
from pathlib import Path

STEM = "{stem}"

# Names of copies that editors and package managers leave beside a file end so; systemd ignores the same copies.
BACKUP_SUFFIXES = (
    *("~", ".bak", ".old", ".new", ".orig", ".save", ".tmp", ".temp", ".part", ".swp", ".swo", ".swx"),
    *(".rpmnew", ".rpmsave", ".rpmorig", ".pacnew", ".pacsave", ".ucf-new", ".ucf-old", ".ucf-dist"),
    *(f".dpkg-{word}" for word in ("old", "new", "tmp", "dist", "bak", "backup", "remove")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSources:
    """Patterns of account files, and a directory with one key file for each account. All paths are resolved."""

    patterns: tuple[str, ...] = ()
    directory: Path | None = None
    name: str = STEM

    @property
    def configured(self) -> bool:
        """Whether there is any source."""
        return bool(self.patterns) or self.directory is not None

    def files(self) -> list[Path]:
        """Return the files that are there now; none of a directory that can't be listed."""
        files = [path for pattern in self.patterns for path in _matches(pattern)]
        try:
            return files if self.directory is None else [*files, *key_files(self.directory)]
        except OSError:
            return files

    def backups(self) -> list[Path]:
        """Return the files of the directory that are there now but are not used as keys."""
        if self.directory is None:
            return []
        try:
            return [path for path in _visible_files(self.directory) if _is_backup(path.name)]
        except OSError:
            return []

    def name_of(self, key_file: Path) -> str:
        """Return the name of the account whose key is in this file."""
        return self.name.replace(STEM, key_file.stem)


def account_files(pattern: str) -> list[Path]:
    """Return the files that match a pattern, sorted. Raise OSError if their directory can't be listed.

    A path without wildcards is returned even if there is no such file.
    """
    fixed = Path(pattern)
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    if str(fixed) != pattern:
        os.scandir(fixed).close()
    return _matches(pattern)


def is_match(path: Path, pattern: str) -> bool:
    """Return whether a file that may be gone matches a pattern of account files."""
    return fnmatch.fnmatchcase(str(path), pattern)


def key_files(directory: Path) -> list[Path]:
    """Return the key files of a directory, sorted. Raise OSError if it can't be listed.

    Hidden files are left out, because Kubernetes keeps versions in `..data`; so are backups of editors and package
    managers.
    """
    return [path for path in _visible_files(directory) if not _is_backup(path.name)]


def _is_backup(name: str) -> bool:
    return name.endswith(BACKUP_SUFFIXES) or (name.startswith("#") and name.endswith("#"))


def _visible_files(directory: Path) -> list[Path]:
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and not _is_directory(entry)]
    return [directory / name for name in sorted(names)]


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself: an unreadable file among others
        return False


def _matches(pattern: str) -> list[Path]:
    if not glob.has_magic(pattern):
        return [Path(pattern)]
    # Not Path.glob: it matches hidden files too.
    paths = (Path(path) for path in sorted(glob.glob(pattern)))  # noqa: PTH207
    return [path for path in paths if not path.is_dir()]
