"""Which failures are retried, and how long each retry waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.retry import LONGEST_RETRY_AFTER, backoff_delay, is_retryable, parse_http_date, parse_retry_after
from exporter.config.configuration import Backoff, Retries
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed, InvalidResponse, StatusError
from tests.support import NOON

PLAIN = Backoff(initial_interval=0.5, max_interval=60.0, exponent=1.5, jitter=1.0)


def test_backoff_grows_by_the_exponent() -> None:
    assert [0.5, 0.75, 1.125, 1.6875] == [backoff_delay(PLAIN, attempt, 0.0) for attempt in range(4)]


def test_jitter_is_added_to_the_backoff() -> None:
    """As in the SDK, jitter is a maximum number of seconds, not a share of the wait."""
    assert 0.5 + 0.25 == backoff_delay(PLAIN, 0, 0.25)


def test_max_interval_limits_the_backoff_including_jitter() -> None:
    assert 1.0 == backoff_delay(Backoff(initial_interval=0.9, max_interval=1.0, jitter=5.0), 0, 1.0)


@pytest.mark.parametrize("attempt", [10_000, 10**9])
def test_backoff_of_very_many_attempts_is_max_interval(attempt: int) -> None:
    """The power would overflow a float."""
    assert 60.0 == backoff_delay(PLAIN, attempt, 1.0)


def test_backoff_with_exponent_1_is_constant() -> None:
    assert 0.5 == backoff_delay(Backoff(exponent=1.0), 10**6, 0.0)


@settings(deadline=None)
@given(
    st.builds(
        Backoff,
        initial_interval=st.floats(0.001, 1e6),
        max_interval=st.floats(0.001, 1e6),
        exponent=st.floats(1, 100),
        jitter=st.floats(0, 1e6),
    ),
    st.integers(0, 5000),
    st.floats(0, 1),
)
def test_backoff_is_above_0_and_at_most_max_interval(backoff: Backoff, attempt: int, chance: float) -> None:
    """This holds for any settings, even contradictory ones."""
    assert 0 < backoff_delay(backoff, attempt, chance) <= backoff.max_interval


@pytest.mark.parametrize(
    ("codes", "status", "expected"),
    [
        (("429",), 429, True),
        (("429",), 428, False),
        (("5XX",), 500, True),
        (("5XX",), 599, True),
        (("5XX",), 499, False),
        (("5xx",), 503, True),
        (("4XX",), 404, True),
        ((), 500, False),
        (("408", "429", "5XX"), 529, True),
        (("50",), 500, False),
        (("5XX",), 5, True),
    ],
)
def test_retryable_statuses_are_codes_or_classes(codes: tuple[str, ...], status: int, *, expected: bool) -> None:
    """`429` is one status, `5XX` matches a hundred."""
    assert expected is is_retryable(Retries(status_codes=codes), StatusError(status, ""))


@pytest.mark.parametrize("status", [300, 302, 400, 401, 402, 403, 404, 410, 422, 204, 101])
def test_permanent_failures_are_not_retried_by_default(status: int) -> None:
    assert not is_retryable(Retries(), StatusError(status, ""))


@pytest.mark.parametrize("error", [ConnectionFailed("refused"), AttemptTimeout("late")])
@pytest.mark.parametrize("switch", [True, False])
def test_connection_errors_are_retried_if_configured(error: AttemptError, *, switch: bool) -> None:
    """One setting covers refused connections and timeouts, as in the SDK."""
    assert switch is is_retryable(Retries(retry_connection_errors=switch), error)


def test_invalid_response_is_not_retried() -> None:
    """The next response would most likely be the same, and may be just as long."""
    assert not is_retryable(Retries(), InvalidResponse("not JSON"))


@pytest.mark.parametrize("error", [StatusError(503, ""), ConnectionFailed(""), AttemptTimeout("")])
def test_strategy_none_never_retries(error: AttemptError) -> None:
    assert not is_retryable(Retries(strategy="none"), error)


@pytest.mark.parametrize(
    ("seconds", "milliseconds", "expected"),
    [
        ("2", None, 2.0),
        (" 2.5 ", None, 2.5),
        ("2", "250", 0.25),
        (None, "250", 0.25),
        ("7", "garbage", 7.0),
        ("7", "0", 7.0),
        ("0", None, None),
        ("-3", None, None),
        ("inf", None, None),
        ("-inf", None, None),
        ("nan", None, None),
        ("soon", None, None),
        ("", "", None),
        (None, None, None),
        ("1e308", None, LONGEST_RETRY_AFTER),
        ("9" * 400, None, None),
        (None, "1e12", LONGEST_RETRY_AFTER),
    ],
)
def test_retry_after_as_a_number(seconds: str | None, milliseconds: str | None, expected: float | None) -> None:
    """Milliseconds take precedence, values that are not in the future are ignored, and a day is the maximum."""
    assert expected == parse_retry_after(seconds, milliseconds, NOON)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(90.0, 90.0), (0.0, None), (-90.0, None), (10 * LONGEST_RETRY_AFTER, LONGEST_RETRY_AFTER)],
)
def test_retry_after_as_a_date(ahead: float, expected: float | None) -> None:
    """It is relative to the server's own time."""
    header = format_datetime(NOON + timedelta(seconds=ahead), usegmt=True)
    assert expected == parse_retry_after(header, None, NOON)


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 99 Jan 2024 00:00:00 GMT",
        "\udcff\udcff",
        ",",
    ],
)
def test_impossible_retry_after_date_is_ignored(text: str) -> None:
    """Years and time zones out of range overflow inside the standard library."""
    assert parse_retry_after(text, None, NOON) is None


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,12} [A-Z][a-z]{2} \d{1,12} [\d:]{1,12} [+-]?\w{0,12}"))
def test_parsing_a_date_header_never_raises(text: str) -> None:
    """The result is in UTC or None."""
    moment = parse_http_date(text)
    assert moment is None or moment.tzinfo is UTC


def test_date_header_without_a_time_zone_is_utc() -> None:
    """`-0000` means that the zone is unknown."""
    assert datetime(2026, 8, 23, 12, tzinfo=UTC) == parse_http_date("Sun, 23 Aug 2026 12:00:00 -0000")
