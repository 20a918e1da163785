"""Compressed text that can be joined without compressing it again.

A segment is a run of deflate blocks that ends on a full flush: byte-aligned, and referring to nothing before it. So
segments may stand behind each other in one deflate stream, and one gzip member holds them all. (Two members would
be as legal, but some clients read only the first.) The checksum of the whole is computed from the segments' own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

RAW = -15
SMALL_TEXT = 8 * 1024
SMALL_WINDOW, SMALL_MEMORY = -12, 5
LEVEL = 6
INFLATED_PIECE = 64 * 1024
NEIGHBOURS = 8

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_POLYNOMIAL = 0xEDB88320  # CRC-32 of RFC 1952, bits reflected
_ONE = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Deflated text, in the order of `parts`. `crc` and `size` are the text's; `shift` moves a checksum past it."""

    parts: tuple[bytes, ...]
    crc: int
    size: int
    shift: int


class Deflater:
    """Makes one segment from text that comes piece by piece. `small`, for a few KiB, costs a quarter of the time."""

    def __init__(self, *, small: bool = False) -> None:
        window, memory = (SMALL_WINDOW, SMALL_MEMORY) if small else (RAW, zlib.DEF_MEM_LEVEL)
        self._stream = zlib.compressobj(LEVEL, zlib.DEFLATED, window, memory)
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
        return Segment((b"".join(self._parts),), self._crc, self._size, shift_of(self._size))


def deflate(text: bytes) -> Segment:
    """Return text as a segment."""
    deflater = Deflater(small=len(text) <= SMALL_TEXT)
    deflater.write(text)
    return deflater.segment()


def join(segments: Iterable[Segment]) -> Segment:
    """Return the segments as one."""
    parts: list[bytes] = []
    crc, size, shift = 0, 0, _ONE
    for segment in segments:
        parts += segment.parts
        crc = _product(segment.shift, crc) ^ segment.crc
        size += segment.size
        shift = _product(segment.shift, shift)
    return Segment(tuple(parts), crc, size, shift)


class Joiner:
    """Joins long rows of segments of which few change: neighbours that did not are not joined again.

    Each round of `join` calls ends with `end_round`, which forgets what this round had no use for.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Segment, ...], Segment] = {}
        self._used: dict[tuple[Segment, ...], Segment] = {}

    def join(self, segments: Sequence[Segment]) -> Segment:
        """Return the segments as one."""
        row = tuple(segments)
        while len(row) > 1:
            row = tuple(self._neighbours(row[start : start + NEIGHBOURS]) for start in range(0, len(row), NEIGHBOURS))
        return row[0] if row else join(())

    def end_round(self) -> None:
        """Forget what was not used since the last round."""
        self._known, self._used = self._used, {}

    def _neighbours(self, row: tuple[Segment, ...]) -> Segment:
        if len(row) == 1:
            return row[0]
        joined = self._used.get(row) or self._known.get(row) or join(row)
        self._used[row] = joined
        return joined


def gzip_member(body: Segment, tail: bytes) -> bytes:
    """Return the segment and the text behind it as one gzip member (RFC 1952)."""
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW)
    trailer = struct.pack("<LL", zlib.crc32(tail, body.crc), (body.size + len(tail)) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEADER, *body.parts, stream.compress(tail), stream.flush(), trailer))


def inflate(segment: Segment) -> Iterator[bytes]:
    """Yield a segment's text in pieces of at most 64 KiB."""
    stream = zlib.decompressobj(RAW)
    for part in segment.parts:
        piece = stream.decompress(part, INFLATED_PIECE)
        while piece:
            yield piece
            piece = stream.decompress(stream.unconsumed_tail, INFLATED_PIECE)


def shift_of(size: int) -> int:
    """Return x**(8 * size) modulo the CRC's polynomial: what a checksum is multiplied by to stand `size` bytes on."""
    result = _ONE
    for power in _X8_TO_POWERS_OF_TWO[: size.bit_length()]:
        if size & 1:
            result = _product(power, result)
        size >>= 1
    return result


def _product(a: int, b: int) -> int:
    """Multiply two polynomials over GF(2) modulo the CRC's; the highest bit is the coefficient of x**0."""
    b1 = _times_x(b)
    b2 = _times_x(b1)
    b3 = _times_x(b2)
    multiples = (
        *(0, b3, b2, b2 ^ b3, b1, b1 ^ b3, b1 ^ b2, b1 ^ b2 ^ b3),
        *(b, b ^ b3, b ^ b2, b ^ b2 ^ b3, b ^ b1, b ^ b1 ^ b3, b ^ b1 ^ b2, b ^ b1 ^ b2 ^ b3),
    )
    result = 0
    for position in range(0, 32, 4):  # four coefficients of `a` at a time, the highest powers of x first
        result = (result >> 4) ^ _TIMES_X4[result & 15] ^ multiples[(a >> position) & 15]
    return result


def _times_x(a: int) -> int:
    return (a >> 1) ^ _POLYNOMIAL if a & 1 else a >> 1


_TIMES_X4 = tuple(_times_x(_times_x(_times_x(_times_x(low)))) for low in range(16))
_X8_TO_POWERS_OF_TWO = [1 << 23]
while len(_X8_TO_POWERS_OF_TWO) < 64:  # noqa: PLR2004 — bits of the largest size
    _X8_TO_POWERS_OF_TWO.append(_product(_X8_TO_POWERS_OF_TWO[-1], _X8_TO_POWERS_OF_TWO[-1]))
