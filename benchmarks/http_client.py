"""A client with next to no cost of its own: one kept connection, a prepared request, no parsing but of the length."""

from __future__ import annotations

import mmap
import re
import socket
import time
from types import TracebackType
from typing import Self

TEXT_ACCEPT = "text/plain;version=0.0.4"
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
_BUFFER = 256 * 1024 * 1024  # takes memory only where a response was written to it


class Client:
    """One connection to loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(mmap.mmap(-1, _BUFFER))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def get(self, path: str, *, accept: str = TEXT_ACCEPT, encoding: str = "gzip") -> tuple[float, bytes]:
        """Return the seconds from the first byte sent to the last byte received, and head and body."""
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\n\r\n"
        ).encode()
        begin = time.perf_counter()
        self._socket.sendall(request)
        received, wanted = 0, _BUFFER
        while received < wanted:
            count = self._socket.recv_into(self._buffer[received:])
            if not count:
                raise ConnectionError("the server hung up")
            received += count
            if wanted == _BUFFER:
                wanted = _whole_size(bytes(self._buffer[: min(received, 4096)]))
        return time.perf_counter() - begin, bytes(self._buffer[:received])


def _whole_size(start: bytes) -> int:
    """Return the size of head and body, the buffer's own while the head is not whole."""
    end = start.find(b"\r\n\r\n")
    if end < 0:
        return _BUFFER
    length = _LENGTH.search(start, 0, end + 2)
    if length is None or not start.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(f"a response without a length, or not 200: {start[:end]!r}")
    size = end + 4 + int(length[1])
    if size > _BUFFER:
        raise ConnectionError(f"a response of {size:,} bytes is too large for the buffer")
    return size


def body_of(response: bytes) -> bytes:
    """Return a response without its head."""
    return response.partition(b"\r\n\r\n")[2]


def head_of(response: bytes) -> str:
    """Return a response's head."""
    return response.partition(b"\r\n\r\n")[0].decode("latin-1")
