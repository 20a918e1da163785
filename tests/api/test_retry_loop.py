"""The retry loop, on a clock that advances when the loop sleeps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.retry import with_retries
from exporter.config.configuration import Backoff, Retries
from exporter.errors import AttemptError, AttemptTimeout, ConnectionFailed, DeadlineExceeded, PollError, StatusError
from tests.support import FakeClock

Step = tuple[AttemptError | None, float]  # what an attempt ends with, and how long it takes


@dataclass
class Loop:
    """A retry loop whose attempts end as given by `steps`. The last step is repeated."""

    steps: Sequence[Step]
    retries: Retries = field(default_factory=lambda: Retries(backoff=Backoff(jitter=0.0)))
    clock: FakeClock = field(default_factory=lambda: FakeClock(self_moving=True))
    deadline: float = 0.0
    remaining: list[float] = field(default_factory=list)  # seconds before the deadline at which attempts began
    reported: list[tuple[str, int, float]] = field(default_factory=list)

    async def run(self, within: float = 60.0) -> str:
        self.deadline = self.clock.monotonic() + within
        return await with_retries(
            self._attempt,
            retries=self.retries,
            clock=self.clock,
            deadline=self.deadline,
            jitter=lambda: 1.0,
            on_retry=lambda error, delay: self.reported.append((str(error), error.attempt, delay)),
            sleep=self.clock.sleep,
        )

    async def _attempt(self) -> str:
        error, duration = self.steps[min(len(self.remaining), len(self.steps) - 1)]
        self.remaining.append(self.deadline - self.clock.monotonic())
        self.clock.advance(duration)
        if error is not None:
            raise error
        return "response"


class WakingClock(FakeClock):
    """A clock that records when sleeps ended."""

    def __init__(self, *, self_moving: bool) -> None:
        super().__init__(self_moving=self_moving)
        self.woke: list[float] = []

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.woke.append(self.monotonic())


def error_response(retry_after: float | None = None, status: int = 503) -> StatusError:
    """Return an error response, with or without Retry-After."""
    return StatusError(status, f"HTTP {status}", retry_after)


async def test_successful_first_attempt_does_not_wait() -> None:
    loop = Loop([(None, 1.0)])
    assert ("response", [], [60.0]) == (await loop.run(), loop.clock.slept, loop.remaining)


async def test_failures_are_retried_after_growing_delays() -> None:
    """Each is reported with its attempt number and the delay that follows."""
    loop = Loop([(error_response(), 0.0), (ConnectionFailed("reset"), 0.0), (None, 0.0)])
    assert "response" == await loop.run()
    assert [("HTTP 503", 1, 0.5), ("reset", 2, 0.75)] == loop.reported
    assert [0.5, 0.75] == loop.clock.slept


async def test_next_attempt_begins_after_the_previous_one_and_the_delay() -> None:
    """Both use up time until the deadline."""
    loop = Loop([(error_response(), 10.0), (None, 0.0)])
    await loop.run(within=60.0)
    assert [60.0, 49.5] == loop.remaining


async def test_retry_after_overrides_the_backoff_and_max_interval() -> None:
    loop = Loop([(error_response(90.0), 0.0), (None, 0.0)], Retries(backoff=Backoff(max_interval=5.0)))
    await loop.run(within=300.0)
    assert [90.0] == loop.clock.slept


async def test_backoff_after_retry_after_counts_all_failures() -> None:
    """The second failure waits for the second interval, however long the first delay was."""
    loop = Loop([(error_response(3.0), 0.0), (error_response(), 0.0), (None, 0.0)])
    await loop.run()
    assert [3.0, 0.75] == loop.clock.slept


async def test_retry_after_past_the_deadline_fails_the_poll_at_once() -> None:
    """The next poll does not start before that time."""
    loop = Loop([(error_response(100.0), 2.0)])
    with pytest.raises(StatusError) as caught:
        await loop.run(within=60.0)
    assert ([], 1002.0 + 100.0) == (loop.clock.slept, caught.value.not_before)


async def test_retry_after_at_the_deadline_fails_the_poll_at_once() -> None:
    """No time would be left for a request."""
    loop = Loop([(error_response(60.0), 0.0)])
    with pytest.raises(StatusError):
        await loop.run(within=60.0)
    assert [] == loop.clock.slept


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_client_errors_are_not_retried_but_retry_after_is_kept(status: int) -> None:
    loop = Loop([(error_response(30.0, status), 0.0)])
    with pytest.raises(StatusError) as caught:
        await loop.run()
    assert ([60.0], 1030.0) == (loop.remaining, caught.value.not_before)


async def test_failure_without_retry_after_does_not_delay_the_next_poll() -> None:
    loop = Loop([(error_response(status=404), 0.0)])
    with pytest.raises(StatusError) as caught:
        await loop.run()
    assert caught.value.not_before is None


async def test_poll_after_its_deadline_sends_no_request() -> None:
    loop = Loop([(None, 0.0)])
    with pytest.raises(DeadlineExceeded):
        await loop.run(within=0.0)
    assert [] == loop.remaining


async def test_cancelled_wait_ends_without_another_request() -> None:
    loop = Loop([(error_response(), 0.0)], clock=FakeClock())
    task = asyncio.create_task(loop.run())
    while not loop.clock.slept:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [60.0] == loop.remaining


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.one_of(
                st.none(),
                st.builds(
                    error_response, st.none() | st.floats(0.001, 86400), st.sampled_from([404, 408, 429, 500, 503])
                ),
                st.builds(ConnectionFailed, st.just("refused")),
            ),
            st.floats(0.001, 40),
        ),
        min_size=1,
        max_size=8,
    ),
    within=st.floats(0, 400),
    first=st.floats(0.001, 100),
    exponent=st.floats(1, 100),
)
async def test_no_wait_ends_after_the_deadline(steps: list[Step], within: float, first: float, exponent: float) -> None:
    """Each wait leaves time for a request, for any failures and any Retry-After."""
    clock = WakingClock(self_moving=True)
    loop = Loop(steps, Retries(backoff=Backoff(initial_interval=first, exponent=exponent)), clock)
    deadline = clock.monotonic() + within
    with contextlib.suppress(PollError):
        await loop.run(within)
    assert [] == [moment for moment in clock.woke if moment >= deadline]
    assert [] == [left for left in loop.remaining if left <= 0]


async def test_timeout_at_the_deadline_does_not_hide_the_failure_before_it() -> None:
    """It is a consequence of that failure. Without one, the timeout is the cause."""
    unavailable, cut = StatusError(503, "Service Unavailable"), AttemptTimeout("no complete response within 0.2 s")
    with pytest.raises(StatusError):
        await Loop([(unavailable, 0.1), (cut, 59.4)]).run()
    with pytest.raises(AttemptTimeout):
        await Loop([(cut, 60.0)]).run()
    with pytest.raises(AttemptTimeout):  # this one had all its time
        await Loop([(unavailable, 0.1), (cut, 30.0), (cut, 29.0)]).run()
