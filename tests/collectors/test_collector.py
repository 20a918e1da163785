"""The activity collector's request and families, and how its work shares the event loop."""

from __future__ import annotations

from typing import Any, cast

import pytest

from exporter.api.client import Client
from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivityFilters, ActivitySettings
from exporter.collectors.base import ITERATIONS, SLICE_SECONDS, Poll
from exporter.errors import DeadlineExceeded, InvalidResponse
from tests.collectors.helpers import FixedClient, ago, collect, poll, response_of, row
from tests.support import NOON, FakeClock, finished

HASH, WORKSPACE = "a" * 64, "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        (ActivitySettings(), {}),
        (ActivitySettings(split_by="workspace"), {"group_by": "workspace"}),
        (ActivitySettings(filters=ActivityFilters(api_key_hash=HASH)), {"api_key_hash": HASH}),
        (
            ActivitySettings(filters=ActivityFilters(user_id="user_1", workspace_id=WORKSPACE), split_by="workspace"),
            {"user_id": "user_1", "workspace_id": WORKSPACE, "group_by": "workspace"},
        ),
    ],
)
def test_activity_is_one_filtered_request(settings: ActivitySettings, parameters: dict[str, str]) -> None:
    """The API filters and groups."""
    polled = poll(ActivityCollector("default", settings), response_of([]))
    requests = polled.client.requests
    sent = [(request.method, request.path, request.operation, request.parameters) for request in requests]
    sent = [request for request in sent if request[1] != "/workspaces"]
    assert sent == [("GET", "/activity", "activity", parameters)]


@pytest.mark.parametrize(
    "settings", [ActivitySettings(), ActivitySettings(windows=()), ActivitySettings(windows=("1d", "30d"))]
)
def test_published_families_are_the_declared_ones_in_order(settings: ActivitySettings) -> None:
    collector = ActivityCollector("default", settings)
    snapshot = poll(collector, response_of([row()])).collected.snapshot
    assert snapshot is not None
    assert tuple(family.metric for family in snapshot.families) == collector.declarations()
    assert all(family.label_sets.names == family.metric.labels for family in snapshot.families)
    assert all(len(family.values) == len(family.label_sets.samples) for family in snapshot.families)


def test_every_series_has_the_label_account() -> None:
    snapshot = poll(ActivityCollector("team a", ActivitySettings()), response_of([row()])).collected.snapshot
    assert snapshot is not None
    accounts = {
        dict(zip(family.label_sets.names, labels, strict=True))["account"]
        for family in snapshot.families
        for labels in family.label_sets.samples
    }
    assert accounts == {"team a"}


def test_day_timestamp_is_midnight_of_the_published_day() -> None:
    assert collect([row()]).shown["day_timestamp_seconds"] == {(): 1787356800.0}  # 2026-08-22 00:00 UTC


def test_summary_has_spend_by_day_with_byok_usage() -> None:
    """The oldest day is first. Days without rows and unknown amounts are left out."""
    rows = [row(ago(1), usage=2.5), row(ago(3), "e2", usage=...), row(ago(3), usage=1.0)]
    spend = collect(rows).collected.summary.spend
    assert [(str(day), usd) for day, usd in spend] == [("2026-08-20", 5.0), ("2026-08-22", 4.5)]


async def work(poll: Poll, clock: FakeClock, *seconds: float) -> str:
    for step in seconds:
        clock.advance(step)
        await poll.pause()
    return "done"


def poll_of(clock: FakeClock, client: Any = None) -> Poll:
    return Poll(instant=NOON, deadline=clock.monotonic() + 1.0, client=cast("Client", client), clock=clock)


def test_short_work_does_not_yield_to_other_tasks() -> None:
    clock = FakeClock()
    assert finished(work(poll_of(clock), clock, SLICE_SECONDS / 4, SLICE_SECONDS / 4)) == "done"


def test_long_work_yields_after_each_slice() -> None:
    """Scrapes are served in between."""
    clock = FakeClock()
    running = work(poll_of(clock), clock, *[SLICE_SECONDS / 2] * 6)
    assert len(list(running.__await__())) == 3 * ITERATIONS


def test_work_past_the_poll_deadline_fails() -> None:
    clock = FakeClock()
    with pytest.raises(DeadlineExceeded):
        finished(work(poll_of(clock), clock, 0.0, 2.0, 0.0))


def test_response_that_proves_invalid_while_reading_counts_as_a_failed_attempt() -> None:
    """It has a status class like a failure on the wire."""
    clock, client = FakeClock(), FixedClient(response_of([]))
    with pytest.raises(InvalidResponse), poll_of(clock, client).reading("activity"):
        raise InvalidResponse("cut off")
    assert [error.status_class for error in client.failures] == ["invalid_response"]
