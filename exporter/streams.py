"""Printing to the standard streams, also when the disk is full, or a pipe or a stream is closed."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from exporter.errors import OutputError

_LOST = "can't write the output: {}"


def open_closed_streams() -> None:
    """Open /dev/null for each standard stream that the parent closed.

    Python leaves such a stream None, and its descriptor would go to the next file that is opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 — open until the process ends


def write_output(text: str) -> None:
    """Print a line to stdout. Raise OutputError if that fails. Characters that a terminal lacks are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        _discard(sys.stdout)
        raise OutputError(_LOST.format(error.strerror)) from None


def complain(text: str) -> None:
    """Print a line to stderr, if possible."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def finish_output(code: int) -> int:
    """Write out what is still buffered; return the exit code, which is not 0 if output is lost."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _discard(stream)
            complain(_LOST.format(error.strerror))
            code = code or 1
    return code


def _discard(stream: TextIO) -> None:
    """Drop what is buffered, because Python would write it again at exit and print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
