"""Reading files that others may have put something else in the place of: a pipe, a device, a gigabyte.

Opening a named pipe waits for its other end, for ever if there is none; and these files are read again while the
daemon runs, in its event loop or in a thread that its end waits for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_file(path: Path, limit: int, *, may_be_special: bool = False) -> bytes:
    """Return a file's content, at most `limit` + 1 bytes of it, without waiting for anyone. Raise OSError.

    What is special, as the pipe of `--config.file <(command)`, is read to its end if it may be; but nobody is waited
    for who might open the pipe.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            if not may_be_special:
                raise OSError(errno.EINVAL, "Not a regular file")
            os.set_blocking(file.fileno(), True)
        return file.read(limit + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
