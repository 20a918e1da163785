"""Compressed text that can be joined without compressing it again.

A segment is a run of deflate blocks that ends with a full flush: it is byte-aligned and refers to nothing before it.
Segments can therefore follow each other in one deflate stream, in one gzip member. (Several members would be legal, but
some clients read only the first.) The checksum of the whole is combined from those of the segments.

ISA-L compresses this text ten times faster than zlib, to the same size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from isal import isal_zlib

LEVEL = 1
RAW = -15
INFLATED_PIECE = 64 * 1024

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Deflated text, in the order of `parts`; `crc` and `size` are the text's."""

    parts: tuple[bytes, ...]
    crc: int
    size: int


class Deflater:
    """Compresses text that arrives in pieces into one segment."""

    def __init__(self) -> None:
        self._stream = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW)
        self._parts: list[bytes] = []
        self._crc = 0
        self._size = 0

    def write(self, text: bytes) -> None:
        """Add text."""
        self._parts.append(self._stream.compress(text))
        self._crc = isal_zlib.crc32(text, self._crc)
        self._size += len(text)

    def segment(self) -> Segment:
        """Return the text written so far as a segment."""
        self._parts.append(self._stream.flush(isal_zlib.Z_FULL_FLUSH))
        return Segment((b"".join(self._parts),), self._crc, self._size)


def deflate(text: bytes) -> Segment:
    """Compress text into a segment."""
    deflater = Deflater()
    deflater.write(text)
    return deflater.segment()


def join(segments: Iterable[Segment]) -> Segment:
    """Join segments into one."""
    parts: list[bytes] = []
    crc, size = 0, 0
    for segment in segments:
        parts += segment.parts
        crc = isal_zlib.crc32_combine(crc, segment.crc, segment.size)
        size += segment.size
    return Segment(tuple(parts), crc, size)


def gzip_member(body: Segment, tail: bytes) -> bytes:
    """Return a segment followed by `tail`, which is compressed here, as one gzip member (RFC 1952)."""
    stream = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW)
    trailer = struct.pack("<LL", isal_zlib.crc32(tail, body.crc), (body.size + len(tail)) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEADER, *body.parts, stream.compress(tail), stream.flush(), trailer))


def inflate(segment: Segment) -> Iterator[bytes]:
    """Decompress a segment, in pieces of at most 64 KiB."""
    stream = isal_zlib.decompressobj(RAW)
    for part in segment.parts:
        piece = stream.decompress(part, INFLATED_PIECE)
        while piece:
            yield piece
            piece = stream.decompress(stream.unconsumed_tail, INFLATED_PIECE)
