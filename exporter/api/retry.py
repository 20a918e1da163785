"""Retries: a pure policy, and the one loop that follows it.

The settings and the delays are those of the OpenRouter SDK's RetryConfig, with two differences that an unattended
daemon needs: nothing sleeps past the poll's deadline, and a Retry-After that does not fit ends the poll at once.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from exporter.api.field_values import as_number
from exporter.clock import Clock
from exporter.config.configuration import Backoff, Retries
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed, DeadlineExceeded, StatusError

T = TypeVar("T")

# A longer Retry-After is shortened to this: a broken header must not silence the exporter for years.
LONGEST_RETRY_AFTER = 86400.0

OnRetry = Callable[[AttemptError, float], None]


def is_retryable(retries: Retries, error: AttemptError) -> bool:
    """Return whether the settings require another attempt after this error."""
    if retries.strategy != "backoff":
        return False
    if isinstance(error, StatusError):
        return any(_matches(pattern, error.status) for pattern in retries.status_codes)
    return retries.retry_connection_errors and isinstance(error, ConnectionFailed | AttemptTimeout)


def _matches(pattern: str, status: int | None) -> bool:
    return pattern == str(status) or (pattern.upper().endswith("XX") and pattern[0] == str(status)[0])


def backoff_delay(backoff: Backoff, attempt: int, jitter: float) -> float:
    """Return seconds to wait after failed attempt number `attempt`, counted from 0; `jitter` is from 0 to 1.

    As in the SDK: initial_interval * exponent**attempt, jitter added, then the cap.
    """
    try:
        delay = backoff.initial_interval * backoff.exponent**attempt
    except OverflowError:
        return backoff.max_interval
    return min(delay + jitter * backoff.jitter, backoff.max_interval)


def parse_retry_after(seconds: str | None, milliseconds: str | None, now: datetime) -> float | None:
    """Return the seconds named by `Retry-After` (seconds or an HTTP date) or `retry-after-ms`, which wins.

    None where neither names a time that lies ahead (RFC 9110, section 10.2.3).
    """
    for text, unit in ((milliseconds, 1000.0), (seconds, 1.0)):
        delay = as_number(text) / unit
        if 0 < delay < math.inf:
            return min(delay, LONGEST_RETRY_AFTER)
    moment = parse_http_date(seconds)
    delay = 0.0 if moment is None else (moment - now).total_seconds()
    return min(delay, LONGEST_RETRY_AFTER) if delay > 0 else None


def parse_http_date(text: str | None) -> datetime | None:
    """Return the moment that a header names, in UTC; None if it is not a date."""
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a year or a zone out of range overflows
        return None


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    *,
    retries: Retries,
    clock: Clock,
    deadline: float,
    jitter: Callable[[], float],
    on_retry: OnRetry,
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Return what `attempt` returns, trying again as the settings say but never past `deadline`.

    `deadline` is a monotonic time; `on_retry` is called with each failure that is tried again and the delay in seconds,
    which `sleep` then waits. `attempt` of a failure counts from 1.
    Raises the last AttemptError, its `not_before` set where the API named a time, or DeadlineExceeded.
    """
    number = 0
    before: AttemptError | None = None
    while True:
        if clock.monotonic() >= deadline:
            raise DeadlineExceeded("the poll's time is over")
        try:
            return await attempt()
        except AttemptError as error:
            if before is not None and isinstance(error, AttemptTimeout) and clock.monotonic() >= deadline:
                raise before from None  # the deadline cut this attempt short: the failure before it shows more
            error.attempt = number + 1
            retry_after = error.retry_after if isinstance(error, StatusError) else None
            if retry_after is not None:
                error.not_before = clock.monotonic() + retry_after
            if not is_retryable(retries, error):
                raise
            delay = retry_after or backoff_delay(retries.backoff, number, jitter())
            if clock.monotonic() + delay >= deadline:
                raise
            number, before = number + 1, error
            on_retry(error, delay)
        await sleep(delay)
