"""Polls that fail in unusual ways: bugs, unreadable keys, and work that takes too long."""

from __future__ import annotations

import gc
import weakref

import pytest

from exporter.api.rejections import Rejections
from exporter.collectors.base import Collected, Poll
from exporter.errors import DeadlineExceeded, InvalidResponse, SecretError
from tests.polling.harness import UNCHANGED, collected, polling


@pytest.mark.parametrize(
    "bug", [ValueError("bug"), KeyError("x"), RecursionError(), MemoryError(), TimeoutError(), OSError()]
)
async def test_crash_is_a_failed_poll(bug: Exception) -> None:
    """Details are only in the log."""
    async with polling([collected(), bug, collected()]) as observed:
        await observed.poll()
        record = await observed.poll()
        assert record is not None
        assert ("failed", f"internal error: {type(bug).__name__}", None) == (
            record.outcome,
            record.error,
            record.status_class,
        )
        assert (0.0, 3) == (observed.value("collector_success"), observed.published())
        await observed.poll()
        assert 1.0 == observed.value("collector_success")


async def test_unchanged_first_poll_is_a_failed_poll() -> None:
    """It is a bug of the collector."""
    async with polling([UNCHANGED, collected()]) as observed:
        record = await observed.poll()
        assert record is not None
        assert ("failed", 0) == (record.outcome, observed.published())
        assert None is not await observed.poll()
        assert 3 == observed.published()


async def test_unreadable_key_names_its_source_and_counts_no_attempt() -> None:
    async with polling([SecretError("file /run/key: No such file")]) as observed:
        record = await observed.poll()
    assert record is not None
    assert ("file /run/key: No such file", None) == (record.error, record.status_class)


async def test_deadline_ends_work_on_a_response() -> None:
    """Slow decoding is cancelled between two steps."""
    steps = []

    async def work(poll: Poll) -> Collected:
        for step in range(100):
            steps.append(step)
            observed.clock.advance(25.0)
            await poll.pause()
        return collected()

    async with polling([work]) as observed:
        record = await observed.poll()
        assert record is not None
        assert ("the poll's time is over", [0, 1, 2], 75.0) == (record.error, steps, record.duration_seconds)
        assert {} == observed.client.failures()


async def test_invalid_response_with_status_200_is_a_failed_attempt() -> None:
    async def work(poll: Poll) -> Collected:
        with poll.reading("activity"):
            raise InvalidResponse("not JSON")

    async with polling([work]) as observed:
        record = await observed.poll()
        assert record is not None
        assert ("invalid_response", {"invalid_response": 1.0}) == (record.status_class, observed.client.failures())


@pytest.mark.parametrize("ending", [InvalidResponse("cut off"), DeadlineExceeded("over"), ValueError("bug"), None])
async def test_rejected_rows_are_counted_however_the_poll_ends(ending: Exception | None) -> None:
    async def reject(poll: Poll) -> Collected:
        result = Rejections()
        for reason in ("missing_date", "missing_date", "invalid_date"):
            result.reject(reason, {"note": reason})
        poll.rejections.update(result)
        if ending is not None:
            raise ending
        return collected()

    async with polling([reject]) as observed:
        await observed.poll()
        assert [2.0, 1.0, 0.0] == [
            observed.value("exporter_rows_rejected_total", reason=reason)
            for reason in ("missing_date", "invalid_date", "old_date")
        ]


async def test_failed_poll_frees_its_response() -> None:
    """The error refers to frames that hold the whole response, and the garbage collector may not run for hours."""
    kept: list[weakref.ref[Exception]] = []

    async def work(_: Poll) -> Collected:
        kept.append(weakref.ref(error := InvalidResponse("not JSON")))
        try:
            raise error
        finally:
            del error

    async with polling([work]) as observed:
        gc.disable()
        try:
            await observed.poll()
            assert [None] == [reference() for reference in kept]
        finally:
            gc.enable()
