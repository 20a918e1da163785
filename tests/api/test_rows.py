"""Bodies and rows, one by one: what is taken, what is rejected and why."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.activity_rows import REJECTION_REASONS, ActivityRow, activity_row
from exporter.api.field_values import LARGEST_NUMBER
from exporter.api.rejections import SAMPLE_SIZE, Rejections
from exporter.api.row_cutter import rows
from exporter.errors import InvalidResponse
from tests.api.reference import GOOD, GOOD_ROW, body_of, expected, read, response_of, sorted_out
from tests.support import examples

KEY = "sk-or-v1-demo"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.just("\ud800"),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text() | st.sampled_from([*GOOD]), children),
    max_leaves=8,
)
FIELDS = (*GOOD, "workspace_id", "another")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not a list of activity: not JSON, or cut off: ''"),
        (b"upstream connect error", "not a list of activity: not JSON, or cut off: 'upstream connect error'"),
        (b"<!DOCTYPE html>\n<html>", "not a list of activity: not JSON, or cut off: '<!DOCTYPE html> <html>'"),
        (
            b"\xff\xfe\x00",
            "not a list of activity: not JSON, or cut off: '\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}'",
        ),
        (b"null", "not a list of activity: expected an object with data, got NoneType"),
        (b"[]", "not a list of activity: expected an object with data, got list"),
        (b'"data"', "not a list of activity: expected an object with data, got str"),
        (b"{}", "not a list of activity: expected data to be a list"),
        (b'{"rows":[]}', "not a list of activity: expected data to be a list"),
        (b'{"data":{}}', "not a list of activity: expected data to be a list"),
        (b'{"data":null}', "not a list of activity: expected data to be a list"),
        (b'{"data":"[]"}', "not a list of activity: expected data to be a list"),
        (b'{"data":[]', "not a list of activity: not JSON, or cut off: '{\"data\":[]'"),
        (b'{"error":{"message":"Oops","code":500}}', "an error with status 200: Oops"),
        (b'{"data":[],"error":{"message":"Oops"}}', "an error with status 200: Oops"),
        (b'{"data":[NaN],"error":{"message":"Oops"}}', "an error with status 200: Oops"),
        (b'{"data":[],"error":"text"}', "an error with status 200: text"),
        (b'{"data":[],"error":{"message":"\xff"}}', "an error with status 200: no message"),
        (
            b'{"data":[],"error":{"message":"' + KEY.encode() + b' is no key"}}',
            "an error with status 200: <secret> is no key",
        ),
        (KEY.encode() + b" is no JSON", "not a list of activity: not JSON, or cut off: '<secret> is no JSON'"),
    ],
)
def test_body_without_a_list_of_rows_is_invalid(body: bytes, message: str) -> None:
    """It is said what came instead, in one line, and of what type it calls itself."""
    with pytest.raises(InvalidResponse) as caught:
        list(rows(response_of(body), Rejections()))
    assert f"{message} (application/json)" == str(caught.value)


@pytest.mark.parametrize("body", [b'{"data":[]}', b' {"data" : [ ] , "error" : null} \n', b'{"error":null,"data":[]}'])
def test_empty_list_of_rows_is_valid(body: bytes) -> None:
    """An account without use."""
    assert ([], Counter()) == read(response_of(body))


@pytest.mark.parametrize(
    ("date", "reason"), [(None, "missing_date"), (20260822, "invalid_date"), (["2026-08-22"], "invalid_date")]
)
def test_a_row_without_a_date_is_rejected(date: Any, reason: str) -> None:
    """The row beside it is used."""
    assert activity_row(GOOD | {"date": date}, Counter()) == reason
    assert reason in REJECTION_REASONS
    assert ([GOOD_ROW], Counter({reason: 1})) == read(response_of(body_of([GOOD | {"date": date}, GOOD])))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", 5),
        ("endpoint_id", ["x"]),
        ("provider_name", False),
        ("provider_name", "x" * 513),
        ("model", "\ud800"),
        ("requests", -1),
        ("cached_tokens", "-1e3"),
        ("usage", "NaN"),
        ("usage", "0x10"),
        ("usage", "1_000"),
        ("usage", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("usage", ""),
        ("usage", True),
        ("usage", {}),
        ("usage", -(10**30)),
        ("usage", 10**400),
        ("usage", -(10**400)),
        ("usage", float("inf")),
        ("usage", float("nan")),
        ("requests", LARGEST_NUMBER * 1.01),
    ],
)
def test_an_unreadable_field_is_absent_and_counted(field: str, value: Any) -> None:
    """The rest of its row is used, and so is the row beside it."""
    rejections = Rejections()
    read_rows = [
        row for piece in rows(response_of(body_of([GOOD | {field: value}, GOOD])), rejections) for row in piece
    ]
    expected_row = msgspec.structs.replace(GOOD_ROW, **{field: None})
    assert ([expected_row, GOOD_ROW], {field: 1}, {}) == (
        read_rows,
        dict(rejections.unreadable),
        dict(rejections.counts),
    )


@pytest.mark.parametrize("value", [-0.01, "-1e3", -5])
def test_negative_money_is_read(value: Any) -> None:
    """It is a refund or a correction."""
    row = activity_row(GOOD | {"usage": value}, Counter())
    assert isinstance(row, ActivityRow)
    assert float(value) == row.usage


@pytest.mark.parametrize("value", [None, 5, "text", True, [], [GOOD]])
def test_row_that_is_not_an_object_is_rejected(value: object) -> None:
    """It is counted as such."""
    assert "not_an_object" == activity_row(value, Counter())


@pytest.mark.parametrize(
    ("written", "number"),
    [("1523", 1523.0), ("5.0", 5.0), (" 7 ", 7.0), ("1e3", 1000.0), (".5", 0.5), ("+2", 2.0), (0, 0.0), (1e15, 1e15)],
)
def test_numbers_may_be_text(written: object, number: float) -> None:
    """As the API sends them at times."""
    row = activity_row(GOOD | {"usage": written}, Counter())
    assert isinstance(row, ActivityRow)
    assert number == row.usage


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "date"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_missing_and_null_fields_are_none(name: str, how: str) -> None:
    """Never 0, never empty; the row stays."""
    row = {key: value for key, value in GOOD.items() if key != name} | ({name: None} if how == "null" else {})
    result = read(response_of(body_of([row])))
    assert result is not None
    assert ([None], Counter()) == ([getattr(read_row, name, None) for read_row in result[0]], result[1])


@given(st.fixed_dictionaries({name: st.none() | JSON for name in FIELDS}) | JSON)
@settings(max_examples=examples(60), deadline=None)
def test_both_ways_to_read_a_row_agree(value: object) -> None:
    """What the typed decoder takes, the lenient one takes alike."""
    try:
        typed = msgspec.json.decode(json.dumps(value), type=ActivityRow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert typed == activity_row(value, Counter())


@given(st.sampled_from(FIELDS), JSON)
@settings(max_examples=examples(60), deadline=None)
def test_any_value_in_a_field(name: str, value: object) -> None:
    """The row is taken or rejected; good ones around it do not notice."""
    body = body_of([GOOD, GOOD | {name: value}, GOOD])
    result = read(response_of(body))
    assert result == expected(body)
    assert result is not None
    assert [GOOD_ROW, GOOD_ROW] == [result[0][0], result[0][-1]]


@given(JSON)
@settings(max_examples=examples(60), deadline=None)
def test_any_value_as_a_row(value: object) -> None:
    """In the middle of a body of several pieces."""
    values = [GOOD] * 150 + [value] + [GOOD] * 400
    result = read(response_of(body_of(values)))
    assert sorted_out(json.loads(json.dumps(values))) == result


@given(JSON | st.fixed_dictionaries({"data": JSON}, optional={"error": JSON}))
@settings(max_examples=examples(60), deadline=None)
def test_any_value_as_the_body(value: object) -> None:
    """Rows or InvalidResponse, and nothing else."""
    body = json.dumps(value).encode()
    assert expected(body) == read(response_of(body))


@given(st.binary(max_size=200))
@settings(max_examples=examples(100), deadline=None)
def test_any_bytes_as_the_body(body: bytes) -> None:
    """Also where they call themselves gzip."""
    assert expected(body) == read(response_of(body))
    assert None is read(replace(response_of(body), encoding="gzip"))


@pytest.mark.parametrize("depth", [100, 900, 990, 5000, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting(depth: int, opening: bytes) -> None:
    """A row or an error as deep as can be: it is rejected, or the body is invalid; nothing escapes."""
    closing = b"]" if opening == b"[" else b"1}"
    deep = opening * depth + closing * (depth if opening == b"[" else 1) + b"}" * (depth - 1 if opening != b"[" else 0)
    for body in (
        b'{"data":[' + deep + b"]}",
        b'{"data":[],"error":' + deep + b"}",
        b'{"data":[NaN],"error":' + deep + b"}",
        b'{"data":[' + deep + b"," + b",".join([json.dumps(GOOD).encode()] * 500) + b"]}",
    ):
        result = read(response_of(body))
        assert result is None or result[1].total() > 0


def test_the_sample_is_small_and_without_keys() -> None:
    """A few bounded lines for the log."""
    rejections = Rejections()
    list(rows(response_of(body_of([{"note": KEY, "x": "y" * 5000}] * 10)), rejections))
    assert ({"missing_date": 10}, SAMPLE_SIZE) == (dict(rejections.counts), len(rejections.sample))
    assert (False, True) == (KEY in "".join(rejections.sample), max(map(len, rejections.sample)) < 350)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * (1 << 20) + b"[]]",
        b'{"x":[' + b"[]," * (1 << 20) + b'NaN],"data":[]}',
        b'{"data":[' + b"[]," * (1 << 16) + b"[]]}",
        b'{"x":{},"data":[' + b'{"date":""},' * (1 << 18) + b'{"date":""}]}',
    ],
    ids=["a list", "a long loose field", "rows of nothing", "rows after a field"],
)
def test_mebibytes_of_next_to_nothing(body: bytes) -> None:
    """Millions of tiny values would be gigabytes as objects; they never are there all at once."""
    response = response_of(body)
    tracemalloc.start()
    try:
        try:
            for _ in rows(response, Rejections()):
                pass
        except InvalidResponse:
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20


@pytest.mark.parametrize("size", [1, 1000])
def test_a_byte_order_mark_is_skipped(size: int) -> None:
    """In a short body as in a long one."""
    assert ([GOOD_ROW] * size, Counter()) == read(response_of(b"\xef\xbb\xbf" + body_of([GOOD] * size)))


@pytest.mark.parametrize("members", [2, 3, 1000])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_several_gzip_members_are_one_body(members: int, chunk: int | None) -> None:
    """Wherever they are cut."""
    body = body_of([GOOD] * members)
    step = len(body) // members + 1
    wire = b"".join(gzip.compress(body[start : start + step], 1) for start in range(0, len(body), step))
    chunks = tuple(wire[start : start + (chunk or len(wire))] for start in range(0, len(wire), chunk or len(wire)))
    response = replace(response_of(b""), chunks=chunks, encoding="gzip")
    assert ([GOOD_ROW] * members, Counter()) == read(response)


def test_a_cut_gzip_member_is_refused() -> None:
    """Also if the members before it are whole."""
    body = body_of([GOOD])
    wire = gzip.compress(body[:100]) + gzip.compress(body[100:])[:-5]
    assert None is read(replace(response_of(b""), chunks=(wire,), encoding="gzip"))


def test_endless_gzip_members_are_refused() -> None:
    """Each stands for nothing, and there are thousands."""
    response = replace(response_of(b""), chunks=(gzip.compress(b"") * 5000,), encoding="gzip")
    with pytest.raises(InvalidResponse, match="more than 1000 gzip members"):
        list(rows(response, Rejections()))


@pytest.mark.parametrize("rest", [b"\0" * 100, b"garbage"])
def test_bytes_after_the_last_gzip_member_are_ignored(rest: bytes) -> None:
    """As gzip itself does."""
    response = replace(response_of(b""), chunks=(gzip.compress(body_of([GOOD])) + rest,), encoding="gzip")
    assert ([GOOD_ROW], Counter()) == read(response)


@pytest.mark.parametrize(
    "more",
    [
        {"has_more": True},
        {"next_cursor": "abc"},
        {"links": {"next": "/activity?page=2"}},
        {"pagination": {"has_more": True}},
        {"truncated": True},
        {"total_count": 5000},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("position", ["before", "after"])
def test_a_part_of_the_rows_is_refused(more: dict[str, Any], size: int, position: str) -> None:
    """It must not pass for the whole, wherever the response says it."""
    data = {"data": [GOOD] * size}
    body = json.dumps(more | data if position == "before" else data | more).encode()
    with pytest.raises(InvalidResponse, match=r"only a part of the rows|of 5000 rows"):
        list(rows(response_of(body), Rejections()))


@pytest.mark.parametrize(
    "none", [{"has_more": False, "next_cursor": None, "links": {"next": None}, "truncated": False, "total_count": 2}]
)
def test_response_that_says_it_is_whole_is_read(none: dict[str, Any]) -> None:
    """And a rejected row counts as one that came."""
    assert ([GOOD_ROW], Counter({"not_an_object": 1})) == read(
        response_of(json.dumps({"data": [GOOD, 5]} | none).encode())
    )


@pytest.mark.parametrize("size", [1, 1000])
def test_two_fields_named_data_are_refused(size: int) -> None:
    """Whatever the size of the body."""
    listed = json.dumps([GOOD] * size).encode()
    for body in (
        b'{"data":[],"data":%b}' % listed,
        b'{"data":%b,"data":[]}' % listed,
        b'{"data":5,"data":%b}' % listed,
    ):
        assert None is read(response_of(body))
