"""Which activity bodies and rows are accepted, and why others are rejected."""

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
from tests.api.reference import GOOD, GOOD_ROW, body_of, expected, read, response_of, valid_and_rejected
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
def test_body_without_a_list_of_rows_is_an_invalid_response(body: bytes, message: str) -> None:
    """The message shows in one line what arrived instead, and its content type."""
    with pytest.raises(InvalidResponse) as caught:
        list(rows(response_of(body), Rejections()))
    assert f"{message} (application/json)" == str(caught.value)


@pytest.mark.parametrize("body", [b'{"data":[]}', b' {"data" : [ ] , "error" : null} \n', b'{"error":null,"data":[]}'])
def test_empty_list_of_rows_is_valid(body: bytes) -> None:
    """An account without usage has no rows."""
    assert ([], Counter()) == read(response_of(body))


@pytest.mark.parametrize(
    ("date", "reason"), [(None, "missing_date"), (20260822, "invalid_date"), (["2026-08-22"], "invalid_date")]
)
def test_row_without_a_valid_date_is_rejected(date: Any, reason: str) -> None:
    """The row after it is used."""
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
def test_unreadable_field_is_absent_and_counted(field: str, value: Any) -> None:
    """The other fields of its row are used, and so is the next row."""
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
def test_negative_usage_is_accepted(value: Any) -> None:
    """It is a refund or a correction."""
    row = activity_row(GOOD | {"usage": value}, Counter())
    assert isinstance(row, ActivityRow)
    assert float(value) == row.usage


@pytest.mark.parametrize("value", [None, 5, "text", True, [], [GOOD]])
def test_row_that_is_not_an_object_is_rejected(value: object) -> None:
    assert "not_an_object" == activity_row(value, Counter())


@pytest.mark.parametrize(
    ("written", "number"),
    [("1523", 1523.0), ("5.0", 5.0), (" 7 ", 7.0), ("1e3", 1000.0), (".5", 0.5), ("+2", 2.0), (0, 0.0), (1e15, 1e15)],
)
def test_numbers_may_be_text(written: object, number: float) -> None:
    """The API sometimes sends numbers as strings."""
    row = activity_row(GOOD | {"usage": written}, Counter())
    assert isinstance(row, ActivityRow)
    assert number == row.usage


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "date"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_missing_and_null_fields_are_none(name: str, how: str) -> None:
    """They are not 0 and not empty, and the row is used."""
    row = {key: value for key, value in GOOD.items() if key != name} | ({name: None} if how == "null" else {})
    result = read(response_of(body_of([row])))
    assert result is not None
    assert ([None], Counter()) == ([getattr(read_row, name, None) for read_row in result[0]], result[1])


@given(st.fixed_dictionaries({name: st.none() | JSON for name in FIELDS}) | JSON)
@settings(max_examples=examples(60), deadline=None)
def test_typed_and_lenient_row_decoders_agree(value: object) -> None:
    """Each row that the typed decoder accepts has the same result in the lenient one."""
    try:
        typed = msgspec.json.decode(json.dumps(value), type=ActivityRow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert typed == activity_row(value, Counter())


@given(st.sampled_from(FIELDS), JSON)
@settings(max_examples=examples(60), deadline=None)
def test_any_value_in_a_field_leaves_other_rows_intact(name: str, value: object) -> None:
    body = body_of([GOOD, GOOD | {name: value}, GOOD])
    result = read(response_of(body))
    assert result == expected(body)
    assert result is not None
    assert [GOOD_ROW, GOOD_ROW] == [result[0][0], result[0][-1]]


@given(JSON)
@settings(max_examples=examples(60), deadline=None)
def test_any_value_as_a_row_is_read_like_the_reference(value: object) -> None:
    """It is in the middle of a body of several pieces."""
    values = [GOOD] * 150 + [value] + [GOOD] * 400
    result = read(response_of(body_of(values)))
    assert valid_and_rejected(json.loads(json.dumps(values))) == result


@given(JSON | st.fixed_dictionaries({"data": JSON}, optional={"error": JSON}))
@settings(max_examples=examples(60), deadline=None)
def test_any_json_body_is_read_like_the_reference(value: object) -> None:
    """The result is rows or InvalidResponse, and no other exception."""
    body = json.dumps(value).encode()
    assert expected(body) == read(response_of(body))


@given(st.binary(max_size=200))
@settings(max_examples=examples(100), deadline=None)
def test_any_bytes_are_read_like_the_reference(body: bytes) -> None:
    """With Content-Encoding gzip, they are an invalid response."""
    assert expected(body) == read(response_of(body))
    assert None is read(replace(response_of(body), encoding="gzip"))


@pytest.mark.parametrize("depth", [100, 900, 990, 5000, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deeply_nested_row_or_error_is_rejected(depth: int, opening: bytes) -> None:
    """The row is rejected or the body is invalid, and no other exception is raised."""
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


def test_sample_of_rejected_rows_is_short_and_hides_keys() -> None:
    """It goes to the log."""
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
def test_millions_of_tiny_values_do_not_fill_the_memory(body: bytes) -> None:
    """Decoded all at once, they would take gigabytes."""
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
def test_byte_order_mark_is_skipped(size: int) -> None:
    """This holds for short and long bodies."""
    assert ([GOOD_ROW] * size, Counter()) == read(response_of(b"\xef\xbb\xbf" + body_of([GOOD] * size)))


@pytest.mark.parametrize("members", [2, 3, 1000])
@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_several_gzip_members_are_one_body(members: int, chunk: int | None) -> None:
    """Chunks may end anywhere within a member."""
    body = body_of([GOOD] * members)
    step = len(body) // members + 1
    wire = b"".join(gzip.compress(body[start : start + step], 1) for start in range(0, len(body), step))
    chunks = tuple(wire[start : start + (chunk or len(wire))] for start in range(0, len(wire), chunk or len(wire)))
    response = replace(response_of(b""), chunks=chunks, encoding="gzip")
    assert ([GOOD_ROW] * members, Counter()) == read(response)


def test_truncated_gzip_member_is_refused() -> None:
    """Complete members before it do not change that."""
    body = body_of([GOOD])
    wire = gzip.compress(body[:100]) + gzip.compress(body[100:])[:-5]
    assert None is read(replace(response_of(b""), chunks=(wire,), encoding="gzip"))


def test_thousands_of_empty_gzip_members_are_refused() -> None:
    response = replace(response_of(b""), chunks=(gzip.compress(b"") * 5000,), encoding="gzip")
    with pytest.raises(InvalidResponse, match="more than 1000 gzip members"):
        list(rows(response, Rejections()))


@pytest.mark.parametrize("rest", [b"\0" * 100, b"garbage"])
def test_bytes_after_the_last_gzip_member_are_ignored(rest: bytes) -> None:
    """gzip itself ignores them too."""
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
def test_partial_list_of_rows_is_refused(more: dict[str, Any], size: int, position: str) -> None:
    """A part must not be published as the whole. The response may mark it before or after the rows."""
    data = {"data": [GOOD] * size}
    body = json.dumps(more | data if position == "before" else data | more).encode()
    with pytest.raises(InvalidResponse, match=r"only a part of the rows|of 5000 rows"):
        list(rows(response_of(body), Rejections()))


@pytest.mark.parametrize(
    "none", [{"has_more": False, "next_cursor": None, "links": {"next": None}, "truncated": False, "total_count": 2}]
)
def test_response_marked_as_complete_is_read(none: dict[str, Any]) -> None:
    """Rejected rows count towards total_count."""
    assert ([GOOD_ROW], Counter({"not_an_object": 1})) == read(
        response_of(json.dumps({"data": [GOOD, 5]} | none).encode())
    )


@pytest.mark.parametrize("size", [1, 1000])
def test_two_fields_named_data_are_refused(size: int) -> None:
    listed = json.dumps([GOOD] * size).encode()
    for body in (
        b'{"data":[],"data":%b}' % listed,
        b'{"data":%b,"data":[]}' % listed,
        b'{"data":5,"data":%b}' % listed,
    ):
        assert None is read(response_of(body))
