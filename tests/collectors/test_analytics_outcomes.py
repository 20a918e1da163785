"""Analytics queries fail independently: each has its own outcome, expiry and health."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest

from exporter.api.client import Client, Request
from exporter.api.response import Response
from exporter.collectors.analytics.analytics_collector import META_HOLDS
from exporter.collectors.base import Poll
from exporter.errors import DeadlineExceeded, InvalidResponse, PollError, StatusError
from exporter.status import QueryStatus
from tests.collectors.analytics_samples import META, PREFIX, collector, query
from tests.collectors.scripted_polls import PollResult, Reply, ScriptedClient, poll_once, published, reply
from tests.support import NOON, FakeClock

STALE_AFTER = 1800.0
TWO = collector(query("first"), query("second"), stale_after=STALE_AFTER)
TOO_LONG = "HTTP 400: time_range exceeds maximum of 31 days for the requested metrics/dimensions"


def too_long() -> Reply:
    return StatusError(400, TOO_LONG)


def counted(requests: int) -> Reply:
    """Return a response with one row."""
    return reply([{"model": "a", "request_count": str(requests)}])


def poll(*replies: Reply, memory: object = None, minutes: float = 0.0, **more: Any) -> PollResult:
    """Poll both queries this many minutes after noon. The metadata are only read by the first poll."""
    script = [*([META] if memory is None else []), *replies]
    now = NOON + timedelta(minutes=minutes)
    return poll_once(TWO, script, prefix=PREFIX, memory=memory, now=now, monotonic=60 * minutes, **more)


def requests(polled: PollResult) -> dict[str, float]:
    return {labels[0]: value for labels, value in polled.families["requests"].items()}


def test_failed_query_does_not_affect_the_others() -> None:
    """The poll succeeds with one failed part."""
    polled = poll(too_long(), counted(2))
    assert requests(polled) == {"second": 2.0}
    assert polled.health["query_success"] == {("first",): 0.0, ("second",): 1.0}
    assert polled.collected.summary.failures == (("query first", TOO_LONG),)
    assert polled.collected.error is None


def test_failed_query_keeps_its_last_values() -> None:
    """The other query's new values are published beside them."""
    before = poll(counted(1), counted(2))
    polled = poll(too_long(), counted(4), memory=before.collected.memory, minutes=5)
    assert requests(polled) == {"first": 1.0, "second": 4.0}


def test_each_query_has_its_own_health_families() -> None:
    """Success, time of the last success, rows and merged rows."""
    before = poll(counted(1), reply([{"model": name, "request_count": "1"} for name in "abc"]))
    polled = poll(too_long(), counted(4), memory=before.collected.memory, minutes=5)
    assert polled.health == {
        "query_success": {("first",): 0.0, ("second",): 1.0},
        "query_last_success_timestamp_seconds": {("first",): NOON.timestamp(), ("second",): NOON.timestamp() + 300},
        "query_rows": {("first",): 1.0, ("second",): 1.0},
        "query_truncated": {("first",): 0.0, ("second",): 0.0},
        "query_rows_merged": {("first",): 0.0, ("second",): 0.0},
    }


def test_values_of_a_failing_query_expire_alone() -> None:
    """They expire at the next poll, and also without another poll."""
    before = poll(counted(1), counted(2))
    last = poll(too_long(), counted(4), memory=before.collected.memory, minutes=29)
    assert requests(last) == {"first": 1.0, "second": 4.0}
    ((moment, successor),) = last.collected.successors
    assert moment == NOON + timedelta(seconds=STALE_AFTER)
    assert published(successor, TWO, PREFIX)["requests"] == {("second", "a"): 4.0}
    polled = poll(counted(5), too_long(), memory=last.collected.memory, minutes=30)
    assert requests(polled) == {"second": 5.0}
    assert polled.health["query_rows"] == {("second",): 1.0}
    assert polled.health["query_last_success_timestamp_seconds"][("first",)] == NOON.timestamp()


def test_apps_of_expired_values_have_no_labels() -> None:
    apps = collector(query("apps", dimensions="app"), query("total", dimensions=""), stale_after=STALE_AFTER)
    total = reply([{"request_count": "1"}])
    first = poll_once(apps, [META, reply([{"app": "chat", "request_count": "1"}]), total], prefix=PREFIX)
    for seconds, kept in ((60.0, {"chat"}), (STALE_AFTER, set())):
        now, memory = NOON + timedelta(seconds=seconds), first.collected.memory
        polled = poll_once(apps, [too_long(), total], prefix=PREFIX, memory=memory, now=now, monotonic=seconds)
        assert {subject.value for subject in polled.collected.summary.subjects} == kept


def test_poll_fails_if_every_query_fails() -> None:
    """The error names each query, and the last values stay."""
    before = poll(counted(1), counted(2))
    polled = poll(too_long(), StatusError(500, "HTTP 500"), memory=before.collected.memory, minutes=5, fails=True)
    assert str(polled.collected.error) == f"query first: {TOO_LONG}; query second: HTTP 500"
    assert requests(polled) == {"first": 1.0, "second": 2.0}
    assert set(polled.health["query_success"].values()) == {0.0}


def test_same_failure_of_all_queries_is_reported_once() -> None:
    """The cause is not in any one query."""
    with pytest.raises(StatusError, match=r"^all 2 queries: HTTP 500$") as caught:
        poll(StatusError(500, "HTTP 500"))
    assert caught.value.status == 500


def test_failed_query_is_last_in_the_next_poll() -> None:
    """Its retries must not use up the time of the others."""
    before = poll(too_long(), counted(2))
    polled = poll(counted(3), counted(4), memory=before.collected.memory, minutes=5)
    assert requests(polled) == {"second": 3.0, "first": 4.0}


def test_query_has_half_of_the_remaining_time_if_others_wait() -> None:
    """The last query has all of it."""
    client = DeadlineClient([META, counted(1), counted(2)])
    poll_once(TWO, client)
    assert client.deadlines == [150.0, 150.0, 300.0]


class DeadlineClient(ScriptedClient):
    """A client that records each request's deadline, in seconds from the start of the poll."""

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(replies)
        self.deadlines: list[float] = []
        self.started: float | None = None

    async def request(self, request: Request, _deadline: float, *, quiet: bool = False, **more: Any) -> Response:
        self.started = _deadline - 150.0 if self.started is None else self.started
        self.deadlines.append(_deadline - self.started)
        return await super().request(request, _deadline, quiet=quiet, **more)


def test_rejected_api_key_is_not_tried_again_by_other_queries() -> None:
    """The API would reject it again."""
    client = ScriptedClient([META, StatusError(401, "HTTP 401: User not found")])
    with pytest.raises(StatusError, match="all 2 queries: HTTP 401"):
        poll_once(TWO, client)
    assert len(client.requests) == 2


def test_no_query_is_sent_before_retry_after() -> None:
    """Retry-After applies to all queries."""
    limited = StatusError(429, "HTTP 429")
    limited.not_before = 1000.0
    client = ScriptedClient([META, limited])
    with pytest.raises(StatusError) as caught:
        poll_once(TWO, client)
    assert (caught.value.not_before, len(client.requests)) == (1000.0, 2)


def test_query_past_its_deadline_fails_alone() -> None:
    """The poll's deadline is later."""
    assert requests(poll(Late("the poll's time is over"), counted(2))) == {"second": 2.0}


def test_query_that_uses_up_the_time_keeps_the_values_of_others() -> None:
    clock = FakeClock(NOON)

    class SlowClient(ScriptedClient):
        async def request(self, request: Request, _deadline: float, *, quiet: bool = False, **more: Any) -> Response:
            if len(self.requests) == len([META, "first"]):
                clock.advance(_deadline - clock.monotonic())
                raise StatusError(503, "HTTP 503")
            return await super().request(request, _deadline, quiet=quiet, **more)

    slow = Poll(
        instant=NOON,
        deadline=clock.monotonic() + 300,
        client=cast("Client", SlowClient([META, counted(1)])),
        clock=clock,
    )
    collected = asyncio.run(TWO.collect(slow, None))
    assert (("query second", "HTTP 503"),) == collected.summary.failures
    assert collected.snapshot is not None
    assert {("first", "a"): 1.0} == published(collected.snapshot, TWO, PREFIX)["requests"]


class Late(InvalidResponse, DeadlineExceeded):
    """An error that a client may raise, and a deadline."""


def test_status_of_each_query_has_rows_success_expiry_and_error() -> None:
    """The number of rows disappears when the values expire."""
    before = poll(counted(1), counted(2))
    first, second = poll(too_long(), counted(4), memory=before.collected.memory, minutes=5).collected.summary.queries
    expiry = NOON + timedelta(minutes=30)
    assert first == QueryStatus(name="first", rows=1, last_success=NOON, expires=expiry, error=TOO_LONG)
    assert (second.error, second.last_success) == (None, NOON + timedelta(minutes=5))
    assert (first.at(expiry - timedelta(seconds=1)).rows, first.at(expiry).rows) == (1, None)


def test_old_metadata_are_used_if_reading_them_again_fails() -> None:
    before = poll(counted(1), counted(2))
    script: list[Reply] = [StatusError(500, "HTTP 500"), counted(3), counted(4)]
    later = poll_once(TWO, script, prefix=PREFIX, memory=before.collected.memory, monotonic=META_HOLDS)
    assert (requests(later), dict(later.collected.summary.failures)) == (
        {"first": 3.0, "second": 4.0},
        {"metadata": "HTTP 500"},
    )


def test_error_of_the_poll_is_a_poll_error() -> None:
    """The poller logs that type."""
    assert isinstance(poll(too_long(), fails=True).collected.error, PollError)
