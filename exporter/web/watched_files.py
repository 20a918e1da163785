"""Files that are read again once they change; looking costs one system call each."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.file_access import read_file

LARGEST_FILE = 4 * 1024 * 1024  # ten times the bundle of all public authorities

Stamp = tuple[int, int, int] | None


def stamp_of(path: Path) -> Stamp:
    """Return what tells one content of a file from the next; None if it can't be looked at."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@dataclass(frozen=True, slots=True)
class Files:
    """Reads files, and knows whether one of them is another now."""

    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def read(self, path: Path) -> str:
        """Return a file's text; raise OSError or ValueError if there is none."""
        self.stamps[path] = stamp_of(path)  # before reading: a change meanwhile is seen next time
        content = read_file(path, LARGEST_FILE, may_be_special=True)
        if len(content) > LARGEST_FILE:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return content.decode().replace("\r\n", "\n")

    def changed(self) -> bool:
        """Return whether one of the files read is another now."""
        return any(stamp_of(path) != stamp for path, stamp in self.stamps.items())
