"""Credits: a poll publishes a real balance or fails."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.collectors.credits import CreditsCollector, CreditsSettings
from exporter.errors import InvalidResponse, NoBalance, StatusError
from tests.collectors.balances import FakeApi, always, polled
from tests.collectors.helpers import Polled

COLLECTOR = CreditsCollector("default", CreditsSettings())
ZEROS = {"data": {"total_credits": 0, "total_usage": 0}}


def read(content: Any, key: Any = None, memory: object = None) -> Polled:
    return polled(COLLECTOR, FakeApi({"/credits": always(content), "/key": always(key)}), memory)


def amounts(result: Polled) -> tuple[float, ...]:
    return tuple(result.shown[f"openrouter_credits_{name}_usd"][()] for name in ("purchased", "used", "balance"))


@pytest.mark.parametrize(
    ("bought", "used", "expected"),
    [
        (100.5, 25.75, (100.5, 25.75, 74.75)),
        (10, 12.5, (10.0, 12.5, -2.5)),  # overdrawn: requests fail with 402
        (0.3, 0.1, (0.3, 0.1, 0.2)),  # no noise of binary fractions
        ("100.5", "25.75", (100.5, 25.75, 74.75)),
        (0, 3, (0.0, 3.0, -3.0)),
        (5, 0, (5.0, 0.0, 5.0)),
    ],
)
def test_balance_is_purchased_minus_used_credits(bought: object, used: object, expected: tuple[float, ...]) -> None:
    """It may be negative, and numbers may be strings."""
    result = read({"data": {"total_credits": bought, "total_usage": used, "new_field": []}})
    assert amounts(result) == expected
    assert result.collected.summary.figures == (("Credit left", expected[2]),)
    assert result.client.requests[0].path == "/credits"
    assert len(result.client.requests) == 1


def test_zero_credits_with_a_management_key_are_published() -> None:
    """A new account has bought nothing."""
    assert amounts(read(ZEROS, {"data": {"is_management_key": True}})) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("zeros", [ZEROS, {"data": {"total_credits": "0", "total_usage": 0.0}}])
@pytest.mark.parametrize(
    "key", [{"data": {"is_management_key": False}}, {"data": {"is_provisioning_key": False}}, {"data": {}}]
)
def test_zero_credits_with_another_key_fail_the_poll_as_no_balance(zeros: Any, key: Any) -> None:
    """The API returns zeros to keys that may not see the balance."""
    with pytest.raises(NoBalance, match="that is not a balance") as caught:
        read(zeros, key)
    assert caught.value.reason == "no_balance"


def test_zero_credits_check_the_key_in_each_poll() -> None:
    """The key may have been replaced by an ordinary one."""
    first = read(ZEROS, {"data": {"is_management_key": True}})
    with pytest.raises(NoBalance):
        read(ZEROS, {"data": {"is_management_key": False}}, first.memory)


def test_zero_credits_fail_if_the_key_cannot_be_read() -> None:
    with pytest.raises(StatusError):
        read(ZEROS, StatusError(500, "no"))


def test_zero_credits_with_a_key_of_unknown_type_fail() -> None:
    """The API returns zeros to every ordinary key."""
    with pytest.raises(NoBalance, match="the kind of this key is unknown"):
        read(ZEROS, {"data": {"is_management_key": "yes"}})


def test_negative_usage_increases_the_balance() -> None:
    assert (10.0, -0.5, 10.5) == amounts(read({"data": {"total_credits": 10, "total_usage": -0.5}}))


@pytest.mark.parametrize("key", [b"<html>", {"error": {"message": "no"}}])
def test_zero_credits_with_an_invalid_description_of_the_key_fail(key: Any) -> None:
    with pytest.raises(InvalidResponse):
        read(ZEROS, key)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"total_credits": 1},
        {"total_usage": 1},
        {"total_credits": None, "total_usage": 1},
        {"total_credits": 1, "total_usage": None},
        {"total_credits": "", "total_usage": 1},
        {"total_credits": "NaN", "total_usage": 1},
        {"total_credits": True, "total_usage": 1},
        {"total_credits": 1e300, "total_usage": 1},
        {"total_credits": [1], "total_usage": 1},
    ],
)
def test_missing_or_invalid_amounts_fail_the_poll(data: Any) -> None:
    """The balance would be unknown."""
    with pytest.raises(InvalidResponse, match="not credits"):
        read({"data": data})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"data":null}',
        b'{"data":[]}',
        b'{"data":{"total_credits":NaN,"total_usage":1}}',
        b'{"error":{"message":"boom"}}',
        b'{"error":{"message":"boom"},"data":{"total_credits":1,"total_usage":0}}',
    ],
)
def test_invalid_body_fails_the_poll_and_counts_as_an_invalid_response(content: bytes) -> None:
    api = FakeApi({"/credits": always(content)})
    with pytest.raises(InvalidResponse):
        polled(COLLECTOR, api)
    assert len(api.failures) == 1


def test_unchanged_response_publishes_nothing() -> None:
    """The published snapshot stays and is renewed."""
    content = {"data": {"total_credits": 5, "total_usage": 1}}
    first = read(content)
    assert read(content, memory=first.memory).collected.snapshot is None


def test_changed_response_is_published() -> None:
    first = read({"data": {"total_credits": 5, "total_usage": 1}})
    assert amounts(read({"data": {"total_credits": 5, "total_usage": 2}}, memory=first.memory)) == (5.0, 2.0, 3.0)


def test_interval_and_stale_after_are_not_part_of_the_collectors_identity() -> None:
    """A reload that only changes them keeps the data."""
    assert COLLECTOR.identity == CreditsCollector("default", CreditsSettings(interval=5.0, stale_after=99.0)).identity
