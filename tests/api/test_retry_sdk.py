"""Our retries compared with those of the official SDK, where settings have the same meaning."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openrouter.utils import retries as sdk

from exporter.api.retry import LONGEST_RETRY_AFTER, backoff_delay, is_retryable, parse_retry_after
from exporter.config.configuration import Backoff, Retries
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed, StatusError

CODES = [("5XX",), ("408", "429", "5XX"), ("5xx", "429"), ("503",), ("4XX",)]
AT_ONCE = sdk.BackoffStrategy(0, 0, 1.0, 60_000, 0)


def sdk_retries(codes: tuple[str, ...], status: int, strategy: str = "backoff") -> bool:
    """Return whether the SDK retries after this status."""
    responses = [httpx.Response(200), httpx.Response(status)]
    sdk.retry(responses.pop, sdk.Retries(sdk.RetryConfig(strategy, AT_ONCE, True, list(codes)), []))
    return not responses


@pytest.mark.parametrize("codes", CODES)
def test_sdk_retries_the_same_statuses(codes: tuple[str, ...]) -> None:
    ours = [is_retryable(Retries(status_codes=codes), StatusError(status, "")) for status in range(200, 600)]
    assert [sdk_retries(codes, status) for status in range(200, 600)] == ours


def test_strategy_none_does_not_retry_in_the_sdk_either() -> None:
    ours = is_retryable(Retries(strategy="none"), StatusError(503, ""))
    assert (False, False) == (sdk_retries(("5XX",), 503, "none"), ours)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (httpx.ConnectError("refused"), ConnectionFailed("refused")),
        (httpx.ReadTimeout("late"), AttemptTimeout("late")),
        (httpx.ConnectTimeout("late"), AttemptTimeout("late")),
    ],
)
@pytest.mark.parametrize("switch", [True, False])
def test_sdk_retries_the_same_connection_errors(theirs: Exception, ours: AttemptError, *, switch: bool) -> None:
    attempts = []

    def fail_once() -> httpx.Response:
        attempts.append(theirs)
        if len(attempts) == 1:
            raise theirs
        return httpx.Response(200)

    with contextlib.suppress(type(theirs)):
        sdk.retry(fail_once, sdk.Retries(sdk.RetryConfig("backoff", AT_ONCE, switch), ["5XX"]))
    assert (len(attempts) == 2) is is_retryable(Retries(retry_connection_errors=switch), ours)


@settings(deadline=None)
@given(st.integers(1, 100_000), st.integers(1, 1_000_000), st.floats(1, 10), st.integers(0, 300))
def test_sdk_has_the_same_backoff_without_jitter(initial: int, longest: int, exponent: float, attempt: int) -> None:
    """The SDK counts in milliseconds, we count in seconds."""
    expected = sdk._get_sleep_interval(Exception(), initial, longest, exponent, attempt, 0)  # noqa: SLF001
    backoff = Backoff(initial_interval=initial / 1000, max_interval=longest / 1000, exponent=exponent)
    assert pytest.approx(expected) == backoff_delay(backoff, attempt, 0.0)


@settings(deadline=None)
@given(st.integers(1, 100_000), st.integers(0, 10_000), st.integers(0, 20))
def test_sdk_jitter_is_within_the_range_of_ours(initial: int, jitter: int, attempt: int) -> None:
    theirs = sdk._get_sleep_interval(Exception(), initial, 60_000, 1.5, attempt, jitter)  # noqa: SLF001
    backoff = Backoff(initial_interval=initial / 1000, jitter=jitter / 1000)
    assert backoff_delay(backoff, attempt, 0.0) <= theirs + 1e-9
    assert theirs <= backoff_delay(backoff, attempt, 1.0) + 1e-9


def sdk_retry_after(**headers: str) -> float | None:
    """Return the seconds that the SDK waits because of these headers, or None if it uses its backoff."""
    response = httpx.Response(503, headers={name.replace("_", "-"): value for name, value in headers.items()})
    refused = sdk.TemporaryError(response)
    milliseconds = sdk._parse_retry_after_ms_header(response)  # noqa: SLF001
    refused.retry_after = refused.retry_after if milliseconds is None else milliseconds
    wait = sdk._get_sleep_interval(refused, 0, 1_000_000, 1.0, 0, 0)  # noqa: SLF001
    return wait or None


@pytest.mark.parametrize("text", ["2", "0.25", " 3 ", "0", "-1", "garbage", "1e3", "soon", "2,5"])
def test_sdk_reads_retry_after_seconds_alike(text: str) -> None:
    assert sdk_retry_after(retry_after=text) == parse_retry_after(text, None, datetime.now(UTC))


@pytest.mark.parametrize(("seconds", "milliseconds"), [("9", "250"), ("9", "garbage"), ("garbage", "1500")])
def test_sdk_prefers_retry_after_milliseconds_too(seconds: str, milliseconds: str) -> None:
    """A value that is not a number is ignored."""
    assert sdk_retry_after(retry_after=seconds, retry_after_ms=milliseconds) == parse_retry_after(
        seconds, milliseconds, datetime.now(UTC)
    )


def test_sdk_reads_a_retry_after_date_alike() -> None:
    """The header is exact to the second."""
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    ours = parse_retry_after(text, None, datetime.now(UTC))
    assert pytest.approx(ours, abs=0.5) == sdk_retry_after(retry_after=text)


def test_our_retry_after_is_bounded_and_that_of_the_sdk_is_not() -> None:
    """The SDK raises on an infinite value and would wait for a century."""
    with pytest.raises(OverflowError):
        sdk_retry_after(retry_after="inf")
    century = str(100 * 365 * 86400)
    assert float(century) == sdk_retry_after(retry_after=century)
    assert (None, LONGEST_RETRY_AFTER) == tuple(
        parse_retry_after(text, None, datetime.now(UTC)) for text in ("inf", century)
    )
