"""Faults: their syntax, and which requests trigger them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exporter.simulator.faults import Fault, FaultKind, FaultPlan, as_json, kinds_help, parse_fault, parse_faults

EVERY_NAME = [kind.value.replace("NNN", "500") for kind in FaultKind]


@pytest.mark.parametrize("name", EVERY_NAME)
def test_each_kind_parses_and_prints_the_same(name: str) -> None:
    assert parse_fault(name).name == name
    assert as_json(parse_fault(name))["kind"] == name


def test_each_kind_has_a_line_of_help() -> None:
    lines = kinds_help().splitlines()
    assert [line.split()[0] for line in lines] == [kind.value for kind in FaultKind]
    assert all(kind.meaning for kind in FaultKind)


def test_probability_follows_the_kind() -> None:
    assert parse_fault("status-429:0.25") == Fault(FaultKind.STATUS, 0.25, 429)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hnag", "did you mean 'hang'"),
        ("status-5000", "unknown fault 'status-5000'"),
        ("status", "did you mean 'status-"),
        ("", "The kinds are: status-NNN, html-NNN"),
        ("status-200", "expected a status from 400 to 599"),
        ("hang:often", "'often' is not a probability"),
        ("hang:1.5", "expected a number from 0 to 1"),
        ("hang:-1", "expected a number from 0 to 1"),
        ("hang:nan", "expected a number from 0 to 1"),
        ("hang:", "is not a probability"),
    ],
)
def test_invalid_fault_is_rejected_with_the_expected_form(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


def test_faults_parse_from_json() -> None:
    content = [{"kind": "status", "status": 503, "retry_after": 7, "times": 2}, {"kind": "slow", "delay": 0.1}]
    expected = (Fault(FaultKind.STATUS, status=503, retry_after="7", times=2), Fault(FaultKind.SLOW, delay=0.1))
    assert parse_faults(json.dumps(content).encode()) == expected
    assert parse_faults(b'{"kind": "status-503", "path": "/key"}') == (
        Fault(FaultKind.STATUS, status=503, path="/key"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_invalid_json_fault_is_rejected_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_faults(text.encode())


def triggered(plan: FaultPlan, requests: int, path: str = "/activity") -> list[bool]:
    return [bool(plan.trigger(path, has_rows=path == "/activity")) for _ in range(requests)]


def test_probability_is_a_share_of_requests_fixed_by_the_seed() -> None:
    faults = triggered(FaultPlan(1, [parse_fault("hang:0.3")]), 1000)
    assert 250 < sum(faults) < 350
    assert faults == triggered(FaultPlan(1, [parse_fault("hang:0.3")]), 1000)
    assert faults != triggered(FaultPlan(2, [parse_fault("hang:0.3")]), 1000)


def test_probability_zero_is_never_and_one_is_always() -> None:
    assert triggered(FaultPlan(1, [parse_fault("hang:0")]), 100) == [False] * 100
    assert triggered(FaultPlan(1, [parse_fault("hang:1")]), 100) == [True] * 100


def test_times_limits_a_fault() -> None:
    plan = FaultPlan(1, [Fault(FaultKind.HANG, times=2)])
    assert triggered(plan, 4) == [True, True, False, False]
    assert plan.active == ()


def test_path_limits_a_fault() -> None:
    plan = FaultPlan(1, [Fault(FaultKind.HANG, times=1, path="/key")])
    assert triggered(plan, 2) == [False, False]
    assert triggered(plan, 2, "/key") == [True, False]


def test_row_fault_waits_for_a_response_with_rows() -> None:
    plan = FaultPlan(1, [Fault(FaultKind.BAD_ROW, times=1), Fault(FaultKind.STATUS, status=500, times=1)])
    faults = [[fault.name for fault in plan.trigger(path, has_rows=path == "/activity")] for path in 3 * ["/activity"]]
    assert faults == [["status-500"], ["bad-row"], []]
    assert triggered(FaultPlan(1, [Fault(FaultKind.BAD_ROW)]), 1, "/credits") == [False]


def test_list_of_failures_applies_one_after_the_other() -> None:
    names = ["status-500", "reset", "html-502", "truncated"]
    plan = FaultPlan(1, [replace(parse_fault(name), times=1) for name in names])
    faults = [[fault.name for fault in plan.trigger("/activity", has_rows=True)] for _ in range(5)]
    assert faults == [["status-500"], ["reset"], ["html-502"], ["truncated"], []]


def test_row_faults_and_one_body_fault_apply_together() -> None:
    plan = FaultPlan(1, [parse_fault(name) for name in ("bad-row", "pretty", "top-list", "late-day")])
    names = [fault.name for fault in plan.trigger("/activity", has_rows=True)]
    assert names == ["bad-row", "late-day", "pretty"]
    plan.replace(parse_fault("hang"), *plan.active)
    assert [fault.name for fault in plan.trigger("/activity", has_rows=True)] == ["hang"]
