"""Files that are read again once they change; checking costs one system call per file."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.file_access import read_file

LARGEST_FILE = 4 * 1024 * 1024  # ten times the bundle of all public certificate authorities

Stamp = tuple[int, int, int] | None


def stamp_of(path: Path) -> Stamp:
    """Return what changes with a file's content; None if the file cannot be examined."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


@dataclass(frozen=True, slots=True)
class Files:
    """Reads files and detects that one of them changed."""

    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def read(self, path: Path) -> str:
        """Return a file's text; raise OSError or ValueError if it cannot be read."""
        self.stamps[path] = stamp_of(path)  # before reading, so that a change meanwhile is noticed later
        content = read_file(path, LARGEST_FILE, may_be_special=True)
        if len(content) > LARGEST_FILE:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return content.decode().replace("\r\n", "\n")

    def changed(self) -> bool:
        """Return whether one of the files changed since it was read."""
        return any(stamp_of(path) != stamp for path, stamp in self.stamps.items())
