"""Compressed text that can be joined without compressing it again.

A segment is a run of deflate blocks that ends on a full flush: byte-aligned, and referring to nothing before it. So
segments may stand behind each other in one deflate stream, and one gzip member holds them all. (Two members would
be as legal, but some clients read only the first.) The checksum of the whole is computed from the segments' own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RAW = -15
LEVEL = 6
INFLATED_PIECE = 64 * 1024

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_POLYNOMIAL = 0xEDB88320  # CRC-32 of RFC 1952, bits reflected
_ONE = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Deflated text. `crc` and `size` are those of the text; `shift` moves a checksum past it."""

    deflated: bytes
    crc: int
    size: int
    shift: int


class Deflater:
    """Makes one segment from text that comes piece by piece."""

    def __init__(self, level: int = LEVEL) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, RAW)
        self._parts: list[bytes] = []
        self._crc = 0
        self._size = 0

    def write(self, text: bytes) -> None:
        """Add text."""
        self._parts.append(self._stream.compress(text))
        self._crc = zlib.crc32(text, self._crc)
        self._size += len(text)

    def segment(self) -> Segment:
        """Return all that was written."""
        self._parts.append(self._stream.flush(zlib.Z_FULL_FLUSH))
        return Segment(b"".join(self._parts), self._crc, self._size, shift_of(self._size))


def deflate(text: bytes) -> Segment:
    """Return text as a segment."""
    deflater = Deflater()
    deflater.write(text)
    return deflater.segment()


def join(segments: Iterable[Segment]) -> Segment:
    """Return the segments as one."""
    parts, crc, size, shift = [], 0, 0, _ONE
    for segment in segments:
        parts.append(segment.deflated)
        crc = _product(segment.shift, crc) ^ segment.crc
        size += segment.size
        shift = _product(segment.shift, shift)
    return Segment(b"".join(parts), crc, size, shift)


def gzip_member(body: Segment, tail: bytes) -> bytes:
    """Return the segment and the text behind it as one gzip member (RFC 1952)."""
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW)
    trailer = struct.pack("<LL", zlib.crc32(tail, body.crc), (body.size + len(tail)) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEADER, body.deflated, stream.compress(tail), stream.flush(), trailer))


def inflate(segment: Segment) -> Iterator[bytes]:
    """Yield a segment's text in pieces of at most 64 KiB."""
    stream = zlib.decompressobj(RAW)
    piece = stream.decompress(segment.deflated, INFLATED_PIECE)
    while piece:
        yield piece
        piece = stream.decompress(stream.unconsumed_tail, INFLATED_PIECE)


def shift_of(size: int) -> int:
    """Return x**(8 * size) modulo the CRC's polynomial: what a checksum is multiplied by to stand `size` bytes on."""
    result, power, left = _ONE, _X8, size
    while left:
        if left & 1:
            result = _product(power, result)
        power = _product(power, power)
        left >>= 1
    return result


def _product(a: int, b: int) -> int:
    """Multiply two polynomials over GF(2) modulo the CRC's; the highest bit is the coefficient of x**0."""
    result = 0
    while a:
        if a & _ONE:
            result ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return result


_X8 = 1 << 23
