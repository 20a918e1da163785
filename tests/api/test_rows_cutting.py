"""A long body is read in pieces, and the positions of the cuts must not matter."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.api.row_cutter import LONGEST_EXTENSION, MOST_ROWS, rows
from exporter.errors import InvalidResponse
from tests.api.reference import GOOD, GOOD_ROW, body_of, expected, many, read, response_of
from tests.support import examples

PIECES = [None, 1447]
SHORT = {"date": "2026-08-22", "model": "m", "usage": 1}

# Rows of a kind that invites a cut in the wrong place; each fills a body of several pieces.
ODD_ROWS: dict[str, Any] = {
    "plain": GOOD,
    "brackets in text": GOOD | {"model": 'a},{"date":"2026-08-22"},{b'},
    "quotes and backslashes": GOOD | {"model": '\\"},{\\\\"},{'},
    "a list of objects": GOOD | {"parts": [{"a": number, "b": "},{"} for number in range(12)]},
    "a long list of objects": GOOD | {"parts": [{"a": 1}, {"b": [{}, {}, {"c": 2}]}] * 300},
    "lists in lists": GOOD | {"x": [[{"a": 1}], [{"b": 2}, {"c": [{}, {}]}]]},
    "an object in an object": GOOD | {"meta": {"a": {"b": {}}}},
    "numbers as text": GOOD | {"usage": "0.5", "requests": "7"},
    "a bad number": GOOD | {"usage": "much"},
    "a negative number": GOOD | {"requests": -1},
    "no objects": 5,
    "lists": [[], [{}, {}]],
    "nulls": None,
    "big integers": GOOD | {"requests": 10**400},
    "not a number": GOOD | {"usage": float("nan")},
    "infinite": GOOD | {"usage": float("inf")},
    "lone surrogates": GOOD | {"model": "\ud800"},
    "many languages": GOOD | {"model": "模型/модель-🚀" * 20},
    "long rows": GOOD | {"padding": "x" * 50_000},
}


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", ODD_ROWS)
def test_long_body_of_rows_of_one_kind_is_read_like_the_reference(name: str, piece: int | None) -> None:
    """The body arrives in one chunk or in many."""
    body = body_of(many(ODD_ROWS[name]))
    assert expected(body) == read(response_of(body, piece))


@pytest.mark.parametrize("name", ODD_ROWS)
def test_odd_row_does_not_affect_the_rows_around_it(name: str) -> None:
    """Its position does not matter."""
    for position in (0, 300, 699, 700):
        values = [GOOD] * 700
        values.insert(position, ODD_ROWS[name])
        body = body_of(values)
        result = read(response_of(body))
        assert expected(body) == result
        assert result is not None
        assert result[0].count(GOOD_ROW) >= 700


@pytest.mark.parametrize("how", [{"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": "\t"}])
@pytest.mark.parametrize("name", ["plain", "a list of objects", "many languages", "brackets in text"])
def test_any_json_layout_is_read(name: str, how: dict[str, Any]) -> None:
    """The layout is compact, indented or not limited to ASCII."""
    body = body_of(many(ODD_ROWS[name]), **how)
    assert expected(body) == read(response_of(body))


@pytest.mark.parametrize("piece", [None, 1, 999])
def test_gzip_body_is_read_in_pieces(piece: int | None) -> None:
    body = body_of(many(ODD_ROWS["a list of objects"]))
    assert expected(body) == read(response_of(body, piece, gzipped=True))


@pytest.mark.parametrize("extra", ["plain", "brackets in text", "a list of objects", "many languages"])
@pytest.mark.parametrize("size", [100, 700])
def test_other_fields_before_and_after_the_rows_are_ignored(extra: str, size: int) -> None:
    """The API may add fields."""
    for content in (
        {"meta": ODD_ROWS[extra], "data": [GOOD] * size},
        {"data": [GOOD] * size, "meta": ODD_ROWS[extra]},
        {"total": size, "note": "x", "nothing": None, "data": [GOOD] * size, "more": [{}, {}]},
    ):
        body = json.dumps(content).encode()
        assert ([GOOD_ROW] * size, Counter()) == expected(body) == read(response_of(body))


def test_rows_after_a_long_field_are_read_in_pieces() -> None:
    body = json.dumps({"meta": [{"a": 1}, {"b": 2}] * 50_000, "data": many(GOOD)}).encode()
    assert len(body) > LONGEST_EXTENSION
    assert expected(body) == read(response_of(body))
    assert 3 == sum(bool(piece) for piece in rows(response_of(body), Rejections()))


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\xe6\xa8"])
def test_invalid_utf_8_affects_only_its_row_and_a_control_character_the_whole_body(text: bytes) -> None:
    """A control character makes the body invalid JSON."""
    mark = body_of([*many(GOOD), GOOD | {"model": "@"}, *many(GOOD)])
    body = mark.replace(b'"@"', b'"' + text + b'"')
    assert expected(body) == read(response_of(body))


def test_second_list_of_rows_is_refused() -> None:
    """Adding it to the first one would double the usage."""
    listed = json.dumps(many(GOOD)).encode()
    assert None is read(response_of(b'{"data":' + listed + b',"data":' + listed + b"}"))


@pytest.mark.parametrize("space", [b"\x0b", b"\x0c", b"\xa0"])
@pytest.mark.parametrize("count", [3, 1000])
def test_only_json_white_space_separates_rows(space: bytes, count: int) -> None:
    """This holds for short and long bodies."""
    row = json.dumps(SHORT).encode()
    assert None is read(response_of(b'{"data":[' + (b"," + space).join([row] * count) + b"]}"))


@pytest.mark.parametrize("head", [b'{"a":abc,"data":[', b'{"a":"\x01","data":[', b'{"a":+1,"data":['])
@pytest.mark.parametrize("count", [1, 1000])
def test_malformed_field_before_the_rows_is_refused(head: bytes, count: int) -> None:
    """This holds for short and long bodies."""
    assert None is read(response_of(head + b",".join([json.dumps(SHORT).encode()] * count) + b"]}"))


@pytest.mark.parametrize("ending", [b"", b"]", b"]}}", b"]}x", b",]}", b'],"error":{"message":"x"}}', b"] ]}"])
def test_malformed_end_of_the_body_is_refused(ending: bytes) -> None:
    """The rows before it are not used."""
    body = body_of(many(GOOD))
    assert None is read(response_of(body.removesuffix(b"]}") + ending))


@given(st.integers(0, 10**9))
@settings(max_examples=examples(60), deadline=None)
def test_truncated_body_is_refused_wherever_it_ends(position: int) -> None:
    body = body_of(many(ODD_ROWS["a list of objects"]))
    assert None is read(response_of(body[: position % len(body)]))


@given(st.randoms(use_true_random=False), st.integers(200, 5000))
@settings(max_examples=examples(40), deadline=None)
def test_any_mixture_of_rows_is_read_like_the_reference(chance: random.Random, piece: int) -> None:
    """Rows of all kinds arrive in any order, in chunks of any size."""
    names = [name for name in ODD_ROWS if name != "a long list of objects"]
    values = [ODD_ROWS[chance.choice(names)] for _ in range(30)] + many(GOOD, 100_000)
    chance.shuffle(values)
    body = body_of(values, indent=chance.choice([None, 1]))
    assert expected(body) == read(response_of(body, piece))


def steps(body: bytes) -> int:
    """Return how many function calls, built-in functions included, reading a body takes."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    response = response_of(body)
    sys.setprofile(count)
    try:
        for _ in rows(response, Rejections()):
            pass
    except InvalidResponse:
        pass
    finally:
        sys.setprofile(None)
    return calls


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "nested lists": lambda n: body_of([ODD_ROWS["a list of objects"]] * n),
    "bad rows": lambda n: body_of([GOOD | {"usage": "much"}] * n),
    "no row ends": lambda n: b'{"data":[' + b"[" * (500 * n),
    "an open text": lambda n: b'{"data":[{"a":"' + b"},{" * (200 * n),
    "white space": lambda n: b'{"data":[' + b" " * (500 * n),
    "braces": lambda n: b'{"data":[{' + b"}  ," * (200 * n),
    "numbers": lambda n: body_of([1] * (25 * n)),
    "long rows": lambda n: body_of([GOOD | {"padding": "x" * 200_000}] * (n // 100)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_work_grows_linearly_with_a_hostile_body(kind: str) -> None:
    """A body four times as long may take a bit more than four times the calls, but far fewer than sixteen times."""
    short, long = steps(HOSTILE[kind](400)), steps(HOSTILE[kind](1600))
    assert long <= 8 * short + 1000


def test_very_long_row_is_refused() -> None:
    """No row of this API has a megabyte, and longer ones could fill the memory."""
    body = body_of([GOOD, GOOD | {"padding": "x" * 2 * LONGEST_EXTENSION}, *many(GOOD)])
    assert None is read(response_of(body))


def pieces_before_refusal(response: Response, reason: str) -> int:
    """Return how many pieces are read, with a yield to other tasks after each, before the body is refused."""
    read_pieces: list[object] = []
    with pytest.raises(InvalidResponse, match=reason):
        read_pieces.extend(rows(response, Rejections()))
    return len(read_pieces)


def test_gzip_of_empty_blocks_yields_between_pieces() -> None:
    """Scrapes are served while 60 MB of empty blocks decompress to nothing."""
    header, empty_block = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", b"\x00\x00\x00\xff\xff"
    response = replace(response_of(b""), chunks=(header, *[empty_block * 1000] * 50), encoding="gzip")
    assert pieces_before_refusal(response, "the gzip body ended early") >= 50


@pytest.mark.parametrize("start", [b"}", b"[", b" ", b"<html>"])
def test_long_body_that_is_not_an_object_is_refused_early(start: bytes) -> None:
    """Its first bytes show it, and decoding 64 MiB at once would block the event loop."""
    response = response_of(start * 1_000_000, 1000)
    assert pieces_before_refusal(response, "expected an object with data, got") < 100


def test_body_with_too_many_rows_is_refused() -> None:
    """No account has so many rows, and what is kept of each would fill the memory."""
    response = response_of(b'{"data":[' + b"[]," * (MOST_ROWS + 1) + b"[]]}")
    with pytest.raises(InvalidResponse, match=f"more than {MOST_ROWS} rows"):
        list(rows(response, Rejections()))


def test_endless_fields_before_the_rows_are_refused_early() -> None:
    """Decoded into objects, they would fill the memory."""
    response = response_of(b"{" + b'"a":1,' * 1_000_000 + b'"data":[]}', 65536)
    assert pieces_before_refusal(response, "no rows in the first") < 100
