"""Bodies and rows, one by one: what is taken, what is rejected and why."""

from __future__ import annotations

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
from tests.api.reference import GOOD, GOOD_ROW, answer_of, body_of, expected, read, sorted_out

KEY = "sk-or-v1-demo"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.just("\ud800"),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text() | st.sampled_from([*GOOD]), children),
    max_leaves=8,
)
REPLACED = "\N{REPLACEMENT CHARACTER}"
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
def test_a_body_that_is_no_list_of_rows(body: bytes, message: str) -> None:
    """It is said what came instead, in one line, and of what type it calls itself."""
    with pytest.raises(InvalidResponse) as caught:
        list(rows(answer_of(body), Rejections()))
    assert f"{message} (application/json)" == str(caught.value)


@pytest.mark.parametrize("body", [b'{"data":[]}', b' {"data" : [ ] , "error" : null} \n', b'{"error":null,"data":[]}'])
def test_no_rows_are_no_error(body: bytes) -> None:
    """An account without use."""
    assert ([], Counter()) == read(answer_of(body))


@pytest.mark.parametrize(
    ("date", "reason"), [(None, "missing_date"), (20260822, "invalid_date"), (["2026-08-22"], "invalid_date")]
)
def test_a_row_without_a_date_is_rejected(date: Any, reason: str) -> None:
    """The row beside it is used."""
    assert activity_row(GOOD | {"date": date}, Counter()) == reason
    assert reason in REJECTION_REASONS
    assert ([GOOD_ROW], Counter({reason: 1})) == read(answer_of(body_of([GOOD | {"date": date}, GOOD])))


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
    read_rows = [row for piece in rows(answer_of(body_of([GOOD | {field: value}, GOOD])), rejections) for row in piece]
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
def test_what_is_no_object_is_no_row(value: object) -> None:
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
def test_what_is_missing_is_not_said(name: str, how: str) -> None:
    """Never 0, never empty; the row stays."""
    row = {key: value for key, value in GOOD.items() if key != name} | ({name: None} if how == "null" else {})
    found = read(answer_of(body_of([row])))
    assert found is not None
    assert ([None], Counter()) == ([getattr(each, name, None) for each in found[0]], found[1])


@given(st.fixed_dictionaries({name: st.none() | JSON for name in FIELDS}) | JSON)
@settings(max_examples=60, deadline=None)
def test_both_ways_to_read_a_row_agree(value: object) -> None:
    """What the typed decoder takes, the lenient one takes alike."""
    try:
        typed = msgspec.json.decode(json.dumps(value), type=ActivityRow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert typed == activity_row(value, Counter())


@given(st.sampled_from(FIELDS), JSON)
@settings(max_examples=60, deadline=None)
def test_any_value_in_a_field(name: str, value: object) -> None:
    """The row is taken or rejected; good ones around it do not notice."""
    body = body_of([GOOD, GOOD | {name: value}, GOOD])
    found = read(answer_of(body))
    assert found == expected(body)
    assert found is not None
    assert [GOOD_ROW, GOOD_ROW] == [found[0][0], found[0][-1]]


@given(JSON)
@settings(max_examples=60, deadline=None)
def test_any_value_as_a_row(value: object) -> None:
    """In the middle of a body of several pieces."""
    values = [GOOD] * 150 + [value] + [GOOD] * 400
    found = read(answer_of(body_of(values)))
    assert sorted_out(json.loads(json.dumps(values))) == found


@given(JSON | st.fixed_dictionaries({"data": JSON}, optional={"error": JSON}))
@settings(max_examples=60, deadline=None)
def test_any_value_as_the_body(value: object) -> None:
    """Rows or InvalidResponse, and nothing else."""
    body = json.dumps(value).encode()
    assert expected(body) == read(answer_of(body))


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_as_the_body(body: bytes) -> None:
    """Also where they call themselves gzip."""
    assert expected(body) == read(answer_of(body))
    assert None is read(replace(answer_of(body), encoding="gzip"))


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
        found = read(answer_of(body))
        assert found is None or found[1].total() > 0


def test_the_sample_is_small_and_without_keys() -> None:
    """A few bounded lines for the log."""
    rejections = Rejections()
    list(rows(answer_of(body_of([{"note": KEY, "x": "y" * 5000}] * 10)), rejections))
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
    answer = answer_of(body)
    tracemalloc.start()
    try:
        try:
            for _ in rows(answer, Rejections()):
                pass
        except InvalidResponse:
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20
