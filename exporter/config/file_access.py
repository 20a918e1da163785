"""Reading files that may have been replaced by a pipe, a device or something huge.

Opening a named pipe waits for its other end, possibly for ever. These files are read again while the daemon runs: in
its event loop, or in a thread that must end before the process can.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, limit: int, *, may_be_special: bool = False) -> bytes:
    """Return a file's content, at most `limit` + 1 bytes of it, without waiting for a writer. Raise OSError.

    `may_be_special` allows other than regular files, such as the pipe of `--config.file <(command)`. They are read to
    their end; a pipe that has no writer is empty.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            if not may_be_special:
                raise OSError(errno.EINVAL, "Not a regular file")
            os.set_blocking(file.fileno(), True)
        return file.read(limit + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
