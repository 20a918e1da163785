"""The log of polls: one error when an outage begins, and one info when it ends."""

from __future__ import annotations

import pytest

from exporter.collectors.base import Collected, Poll
from exporter.errors import ConnectionFailed, DeadlineExceeded, InvalidResponse, ListChanged, SecretError, StatusError
from exporter.polling.hints import MANAGEMENT_KEY, UNKNOWN_KEY
from tests.polling.harness import UNCHANGED, collected, polling

BUSY = StatusError(503, "HTTP 503: Busy")


async def test_only_the_first_success_is_logged_at_info() -> None:
    async with polling([collected(), UNCHANGED, collected()]) as observed:
        for _ in range(3):
            await observed.poll()
        assert [("info", "poll_succeeded")] == observed.lines()
        assert {
            "event": "poll_succeeded",
            "log_level": "info",
            "outcome": "changed",
            "duration": 0.0,
            "series": 3,
        } == observed.events[0]


async def test_each_poll_is_one_event() -> None:
    async with polling([collected(), BUSY, BUSY, collected(), UNCHANGED]) as observed:
        for _ in range(5):
            await observed.poll()
        assert ["poll_succeeded", "poll_failed", "poll_failed", "poll_recovered", "poll_succeeded"] == [
            event["event"] for event in observed.events
        ]


async def test_outage_is_one_error_and_its_end_one_info() -> None:
    """The next outage is an error again."""
    async with polling([collected(), BUSY, BUSY, BUSY, collected(), BUSY]) as observed:
        for _ in range(6):
            await observed.poll()
        assert [
            ("info", "poll_succeeded"),
            ("error", "poll_failed"),
            ("info", "poll_recovered"),
            ("error", "poll_failed"),
        ] == observed.lines()


async def test_each_cause_within_an_outage_is_one_error() -> None:
    """A cause is a status, or a status class without one. A cause that returns is not reported again."""
    causes = [
        BUSY,
        StatusError(500, "HTTP 500: Oops"),
        StatusError(429, "HTTP 429: Slow down", 3600.0),
        ConnectionFailed("refused"),
        InvalidResponse("not JSON"),
        ListChanged("keys changed"),
    ]
    async with polling([collected(), *causes, *causes]) as observed:
        for _ in range(1 + 2 * len(causes)):
            await observed.poll()
        assert [str(cause) for cause in causes] == [
            event["error"] for event in observed.events if event["log_level"] == "error"
        ]


async def test_deadline_that_passes_in_an_outage_is_not_another_cause() -> None:
    """Retries use up the time and the rate limit."""
    late = DeadlineExceeded("no slot before the poll deadline")
    async with polling([BUSY, late, collected(), late]) as observed:
        for _ in range(4):
            await observed.poll()
        assert ["HTTP 503: Busy", str(late)] == [
            event["error"] for event in observed.events if event["log_level"] == "error"
        ]


async def test_poll_failed_has_status_class_message_and_duration() -> None:
    async def late(poll: Poll) -> Collected:
        await poll.clock.sleep(12.3456)
        raise BUSY

    async with polling([late]) as observed:
        await observed.poll()
        assert [
            {
                "event": "poll_failed",
                "log_level": "error",
                "operation": "",
                "attempt": 1,
                "status": 503,
                "status_class": "5xx",
                "error": "HTTP 503: Busy",
                "duration": 12.346,
            }
        ] == observed.events


@pytest.mark.parametrize(("status", "expected"), [(401, UNKNOWN_KEY), (403, None), (500, None)])
async def test_401_has_a_hint_and_403_alone_has_none(status: int, expected: str | None) -> None:
    """A 403 alone shows nothing about the key."""
    async with polling([StatusError(status, f"HTTP {status}: No")]) as observed:
        await observed.poll()
        assert expected == observed.events[0].get("hint")


async def test_rejection_within_an_outage_is_one_error() -> None:
    """A daemon that started while the API was down must still report that its key is invalid."""
    refused = StatusError(403, "HTTP 403: Only management keys can perform this operation")
    async with polling([BUSY, BUSY, refused, BUSY, refused, collected(), refused]) as observed:
        for _ in range(7):
            await observed.poll()
        assert [None, MANAGEMENT_KEY, MANAGEMENT_KEY] == [
            event.get("hint") for event in observed.events if event["log_level"] == "error"
        ]


async def test_unreadable_key_is_logged_as_a_failed_poll() -> None:
    async with polling([SecretError("environment variable KEY is unset or empty")]) as observed:
        await observed.poll()
        assert [("error", "poll_failed", "environment variable KEY is unset or empty")] == [
            (event["log_level"], event["event"], event["error"]) for event in observed.events
        ]


async def test_crash_is_logged_with_its_traceback_once() -> None:
    """A crash of another type is logged again."""
    bug = ValueError("bug")
    async with polling([bug, bug, KeyError("other"), bug]) as observed:
        for _ in range(4):
            await observed.poll()
        assert [("error", "poll_crashed")] * 2 == observed.lines()
        assert (bug, "internal error: ValueError") == (observed.events[0]["exc_info"], observed.events[0]["error"])


async def test_crash_within_an_outage_is_logged() -> None:
    """Its cause is not that the API is down."""
    async with polling([BUSY, ValueError("bug"), BUSY]) as observed:
        for _ in range(3):
            await observed.poll()
        assert [("error", "poll_failed"), ("error", "poll_crashed")] == observed.lines()


async def test_rejected_rows_are_one_line_with_counts_and_a_sample() -> None:
    async def reject(poll: Poll) -> Collected:
        for number in range(10):
            poll.rejections.reject("missing_date", {"number": number})
        return collected()

    async with polling([reject]) as observed:
        await observed.poll()
        assert {
            "event": "rows_rejected",
            "log_level": "warning",
            "reasons": {"missing_date": 10},
            "sample": [f"missing_date: {{'number': {number}}}" for number in range(3)],
        } == observed.events[0]


async def test_rows_and_fields_are_logged_again_only_with_another_reason() -> None:
    """A new kind of price is in every response, and must not fill the log."""
    reasons = [["price"], ["price"], ["price", "name"], ["name"], [], ["name"]]

    async def reject(poll: Poll) -> Collected:
        poll.rejections.unreadable.update(reasons.pop(0))
        return collected()

    async with polling([reject] * len(reasons)) as observed:
        for _ in range(len(reasons)):
            await observed.poll()
        levels = [event["log_level"] for event in observed.events if event["event"] == "fields_unreadable"]
        assert ["warning", "debug", "warning", "debug", "warning"] == levels


async def test_part_that_fails_with_another_identifier_is_not_logged_again() -> None:
    """An id or a duration in the message is not another cause, but another status is."""
    errors = [
        "HTTP 500: ray 8f3a9c",
        "HTTP 500: ray 77b01d",
        "HTTP 503: ray 77b01d",
        "none in 2.98 s",
        "none in 2.995 s",
    ]
    async with polling([collected(failures=(("one", error),)) for error in errors]) as observed:
        for _ in errors:
            await observed.poll()
        levels = [event["log_level"] for event in observed.events if event["event"] == "part_failed"]
        assert ["warning", "debug", "warning", "warning", "debug"] == levels


async def test_folding_is_logged_when_it_changes() -> None:
    async with polling([collected(folded=4), collected(folded=4), collected(folded=5), collected()]) as observed:
        for _ in range(4):
            await observed.poll()
        assert [4, 5] == [event["endpoints"] for event in observed.events if event["event"] == "endpoints_folded"]


async def test_number_of_restated_rows_is_logged() -> None:
    async with polling([collected(restated=2)]) as observed:
        await observed.poll()
        assert [2] == [event["rows"] for event in observed.events if event["event"] == "rows_restated"]


async def test_skipped_poll_is_logged_at_debug() -> None:
    """Skipped polls are counted."""
    async with polling([collected()]) as observed:
        observed.poller.skip("still_running")
        assert ([], "poll_skipped") == (observed.lines(), observed.events[0]["event"])
