"""The file of an export, whole or not at all: it is written beside its target and renamed at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from isal import isal_zlib

from exporter.errors import OutputError

STDOUT = "-"
PIECE = 1024 * 1024
GZIP = 31  # zlib's window bits for a gzip header; without a timestamp in it, equal content has equal bytes
COMPRESSION = 1


class _Compressor(Protocol):
    def compress(self, content: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Output:
    """The destination of an export. `written` counts its bytes before compression."""

    def __init__(self, descriptor: int, *, compressed: bool) -> None:
        self.written = 0
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._compressor: _Compressor | None = isal_zlib.compressobj(COMPRESSION, wbits=GZIP) if compressed else None

    def write(self, content: bytes) -> None:
        """Buffer bytes, and write them once there are enough. Raise OSError."""
        self.written += len(content)
        self._waiting.append(content)
        self._waiting_bytes += len(content)
        if self._waiting_bytes >= PIECE:
            self._send()

    def finish(self) -> None:
        """Write the bytes that are still buffered. Raise OSError."""
        self._send()
        if self._compressor is not None:
            self._write_all(self._compressor.flush())

    def _send(self) -> None:
        pieces, self._waiting, self._waiting_bytes = self._waiting, [], 0
        content = b"".join(pieces)
        self._write_all(content if self._compressor is None else self._compressor.compress(content))

    def _write_all(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]


@contextlib.contextmanager
def opened(target: str) -> Iterator[Output]:
    """Provide the output for a file name, or stdout. Raise OutputError if it cannot be written.

    A regular file is created or replaced only when all of it was written. Anything else, such as a pipe or a device,
    is written directly.
    """
    try:
        with _stdout() if target == STDOUT else _file(Path(os.path.realpath(target))) as descriptor:
            output = Output(descriptor, compressed=target.endswith(".gz"))
            yield output
            output.finish()
    except OSError as error:
        name = "the output" if target == STDOUT else target
        raise OutputError(f"can't write {name}: {error.strerror}") from None


@contextlib.contextmanager
def _stdout() -> Iterator[int]:
    if sys.stdout.name == os.devnull:  # opened in place of a stream that the parent had closed
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.flush()
    yield sys.stdout.fileno()


@contextlib.contextmanager
def _file(path: Path) -> Iterator[int]:
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with _open(path, os.O_WRONLY) as descriptor:
            yield descriptor
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            yield descriptor
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
