"""Faults: how they are written, and which requests they strike."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exporter.simulator.faults import Fault, FaultKind, FaultPlan, as_json, kinds_help, parse_fault, read_faults

EVERY_NAME = [kind.value.replace("NNN", "500") for kind in FaultKind]


@pytest.mark.parametrize("name", EVERY_NAME)
def test_every_kind_can_be_written(name: str) -> None:
    """And is shown as it was written."""
    assert parse_fault(name).name == name
    assert as_json(parse_fault(name))["kind"] == name


def test_every_kind_is_explained() -> None:
    """One line each, for `--help`."""
    lines = kinds_help().splitlines()
    assert [line.split()[0] for line in lines] == [kind.value for kind in FaultKind]
    assert all(kind.meaning for kind in FaultKind)


def test_a_probability_follows_the_kind() -> None:
    """`KIND:PROBABILITY`."""
    assert parse_fault("status-429:0.25") == Fault(FaultKind.STATUS, 0.25, 429)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hnag", "did you mean 'hang'"),
        ("status-5000", "unknown fault 'status-5000'"),
        ("status", "did you mean 'status-"),
        ("", "The kinds are: status-NNN, html-NNN"),
        ("status-200", "expected a status from 400 to 599"),
        ("hang:often", "'often' is no probability"),
        ("hang:1.5", "expected a number from 0 to 1"),
        ("hang:-1", "expected a number from 0 to 1"),
        ("hang:nan", "expected a number from 0 to 1"),
        ("hang:", "is no probability"),
    ],
)
def test_a_mistake_is_explained(text: str, message: str) -> None:
    """By what would have been right."""
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


def test_faults_come_as_json_too() -> None:
    """A list, or one; a status may stand beside its kind."""
    asked = [{"kind": "status", "status": 503, "retry_after": 7, "times": 2}, {"kind": "slow", "delay": 0.1}]
    expected = (Fault(FaultKind.STATUS, status=503, retry_after="7", times=2), Fault(FaultKind.SLOW, delay=0.1))
    assert read_faults(json.dumps(asked).encode()) == expected
    assert read_faults(b'{"kind": "status-503", "path": "/key"}') == (Fault(FaultKind.STATUS, status=503, path="/key"),)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ('[{"kind": "hnag"}]', "did you mean 'hang'"),
        ('[{"kind": "hang", "tiems": 1}]', "tiems"),
        ('[{"kind": "hang", "times": -1}]', "negative"),
        ('[{"kind": "slow", "delay": -1}]', "delay"),
        ('[{"kind": "status-500", "retry_after": "1\\r\\nX: y"}]', "one line"),
        ("nothing", "JSON"),
        ("[{}]", "kind"),
    ],
)
def test_a_mistake_in_json_is_explained(asked: str, message: str) -> None:
    """Fields, values and syntax."""
    with pytest.raises(ValueError, match=message):
        read_faults(asked.encode())


def strikes(plan: FaultPlan, requests: int, path: str = "/activity") -> list[bool]:
    return [bool(plan.strike(path, has_rows=path == "/activity")) for _ in range(requests)]


def test_a_probability_is_a_share_of_the_requests() -> None:
    """About a third of many, and the same third for the same seed."""
    struck = strikes(FaultPlan(1, [parse_fault("hang:0.3")]), 1000)
    assert 250 < sum(struck) < 350
    assert struck == strikes(FaultPlan(1, [parse_fault("hang:0.3")]), 1000)
    assert struck != strikes(FaultPlan(2, [parse_fault("hang:0.3")]), 1000)


def test_no_probability_strikes_nothing() -> None:
    """0 is never, 1 is always."""
    assert strikes(FaultPlan(1, [parse_fault("hang:0")]), 100) == [False] * 100
    assert strikes(FaultPlan(1, [parse_fault("hang:1")]), 100) == [True] * 100


def test_times_limit_a_fault() -> None:
    """Then it is used up, and no longer shown."""
    plan = FaultPlan(1, [Fault(FaultKind.HANG, times=2)])
    assert strikes(plan, 4) == [True, True, False, False]
    assert plan.active == ()


def test_a_path_limits_a_fault() -> None:
    """Requests elsewhere don't use it up."""
    plan = FaultPlan(1, [Fault(FaultKind.HANG, times=1, path="/key")])
    assert strikes(plan, 2) == [False, False]
    assert strikes(plan, 2, "/key") == [True, False]


def test_rows_are_spoilt_only_where_there_are_rows() -> None:
    """A row fault waits for `/activity`, and for an answer that isn't replaced."""
    plan = FaultPlan(1, [Fault(FaultKind.BAD_ROW, times=1), Fault(FaultKind.STATUS, status=500, times=1)])
    struck = [[fault.name for fault in plan.strike(path, has_rows=path == "/activity")] for path in 3 * ["/activity"]]
    assert struck == [["status-500"], ["bad-row"], []]
    assert strikes(FaultPlan(1, [Fault(FaultKind.BAD_ROW)]), 1, "/credits") == [False]


def test_a_list_of_failures_is_a_script() -> None:
    """One after the other, whether they replace the answer or break its connection."""
    names = ["status-500", "reset", "html-502", "truncated"]
    plan = FaultPlan(1, [replace(parse_fault(name), times=1) for name in names])
    struck = [[fault.name for fault in plan.strike("/activity", has_rows=True)] for _ in range(5)]
    assert struck == [["status-500"], ["reset"], ["html-502"], ["truncated"], []]


def test_what_is_still_sent_can_be_spoilt_too() -> None:
    """A slow answer may have bad rows and be indented; a hanging one has nothing to spoil."""
    plan = FaultPlan(1, [parse_fault(name) for name in ("bad-row", "pretty", "top-list", "late-day")])
    spoilt = [fault.name for fault in plan.strike("/activity", has_rows=True)]
    assert spoilt == ["bad-row", "late-day", "pretty"]
    plan.replace(parse_fault("hang"), *plan.active)
    assert [fault.name for fault in plan.strike("/activity", has_rows=True)] == ["hang"]
