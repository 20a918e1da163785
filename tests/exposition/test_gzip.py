"""Compressed segments joined into one gzip member with the right checksum."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.gzip import INFLATED_PIECE, Deflater, deflate, gzip_member, inflate, join
from tests.exposition.helpers import UNHURRIED

LINE = b'openrouter_activity_usage_usd{account="default",endpoint_id="e1",model="acme/one",provider="Acme"} 1.5\n'

texts = st.binary(max_size=200) | st.integers(0, 2000).map(lambda lines: LINE * lines)
rows = st.lists(texts, max_size=12)


def unzipped(member: bytes) -> bytes:
    """Decompress like a client that reads one member, and fail if anything follows it."""
    stream = zlib.decompressobj(31)
    text = stream.decompress(member) + stream.flush()
    assert (stream.eof, stream.unused_data, stream.unconsumed_tail) == (True, b"", b"")
    return text


@UNHURRIED
@given(rows, texts)
def test_any_segments_are_one_gzip_member(pieces: list[bytes], tail: bytes) -> None:
    member = gzip_member(join(map(deflate, pieces)), tail)
    expected = b"".join(pieces) + tail
    assert unzipped(member) == expected
    assert gzip.decompress(member) == expected


@UNHURRIED
@given(rows)
def test_checksum_and_size_are_of_the_whole_text(pieces: list[bytes]) -> None:
    """They are combined from those of the segments."""
    joined, text = join(map(deflate, pieces)), b"".join(pieces)
    assert (joined.crc, joined.size) == (zlib.crc32(text), len(text))


@UNHURRIED
@given(rows)
def test_grouping_of_joined_segments_does_not_matter(pieces: list[bytes]) -> None:
    one_by_one = deflate(b"")
    for piece in pieces:
        one_by_one = join([one_by_one, deflate(piece)])
    at_once = join(map(deflate, pieces))
    assert (one_by_one.crc, one_by_one.size) == (at_once.crc, at_once.size)
    assert b"".join(inflate(one_by_one)) == b"".join(inflate(at_once)) == b"".join(pieces)


@UNHURRIED
@given(rows)
def test_text_written_in_pieces_is_one_segment(pieces: list[bytes]) -> None:
    """Its checksum and size are those of the whole text."""
    deflater = Deflater()
    for piece in pieces:
        deflater.write(piece)
    segment = deflater.segment()
    assert b"".join(inflate(segment)) == b"".join(pieces)
    assert unzipped(gzip_member(segment, b"")) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 8 * 1024, INFLATED_PIECE, INFLATED_PIECE + 1, 3_000_000])
@pytest.mark.parametrize("kind", ["lines", "zeros", "noise"])
def test_inflate_yields_pieces_of_limited_size(kind: str, size: int) -> None:
    """This holds for text that compresses a thousandfold and for random bytes."""
    noise = random.Random(1).randbytes(size)  # noqa: S311 — the same in every run
    made = {"lines": LINE * (size // len(LINE) + 1), "zeros": bytes(size), "noise": noise}
    text = made[kind][:size]
    pieces = list(inflate(join([deflate(b"first"), deflate(text), deflate(b"last")])))
    assert b"".join(pieces) == b"first" + text + b"last"
    assert all(0 < len(piece) <= INFLATED_PIECE for piece in pieces)


def test_empty_text_is_a_valid_member() -> None:
    """An exposition can be empty."""
    assert unzipped(gzip_member(join([]), b"")) == b""
    assert list(inflate(join([]))) == []
