"""What the collector requests, what it declares, and how work on a response shares the loop."""

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
def test_one_request_for_all_activity(settings: ActivitySettings, parameters: dict[str, str]) -> None:
    """Filters and the split are the API's business."""
    polled = poll(ActivityCollector("default", settings), response_of([]))
    requests = polled.client.requests
    sent = [(request.method, request.path, request.operation, request.parameters) for request in requests]
    sent = [request for request in sent if request[1] != "/workspaces"]
    assert sent == [("GET", "/activity", "activity", parameters)]


@pytest.mark.parametrize(
    "settings", [ActivitySettings(), ActivitySettings(windows=()), ActivitySettings(windows=("1d", "30d"))]
)
def test_what_is_published_was_declared(settings: ActivitySettings) -> None:
    """Each family once, in that order, with those labels."""
    collector = ActivityCollector("default", settings)
    snapshot = poll(collector, response_of([row()])).collected.snapshot
    assert snapshot is not None
    assert tuple(family.metric for family in snapshot.families) == collector.declarations()
    assert all(family.label_sets.names == family.metric.labels for family in snapshot.families)
    assert all(len(family.values) == len(family.label_sets.samples) for family in snapshot.families)


def test_the_account_is_a_label_of_every_series() -> None:
    """With the configured name."""
    snapshot = poll(ActivityCollector("team a", ActivitySettings()), response_of([row()])).collected.snapshot
    assert snapshot is not None
    accounts = {
        dict(zip(family.label_sets.names, labels, strict=True))["account"]
        for family in snapshot.families
        for labels in family.label_sets.samples
    }
    assert accounts == {"team a"}


def test_the_timestamp_is_the_days_start() -> None:
    """In Unix time."""
    assert collect([row()]).shown["day_timestamp_seconds"] == {(): 1787356800.0}  # 2026-08-22 00:00 UTC


def test_spend_by_day_for_the_landing_page() -> None:
    """Credits and own-key spend together, oldest first, days without a row left out, unknown amounts too."""
    rows = [row(ago(1), usage=2.5), row(ago(3), "e2", usage=...), row(ago(3), usage=1.0)]
    spend = collect(rows).collected.summary.spend
    assert [(str(day), usd) for day, usd in spend] == [("2026-08-20", 5.0), ("2026-08-22", 4.5)]


async def work(poll: Poll, clock: FakeClock, *seconds: float) -> str:
    for step in seconds:
        clock.advance(step)
        await poll.pause()
    return "done"


def a_poll(clock: FakeClock, client: Any = None) -> Poll:
    return Poll(instant=NOON, deadline=clock.monotonic() + 1.0, client=cast("Client", client), clock=clock)


def test_short_work_does_not_give_way() -> None:
    """Within a slice, no other task runs."""
    clock = FakeClock()
    assert finished(work(a_poll(clock), clock, SLICE_SECONDS / 4, SLICE_SECONDS / 4)) == "done"


def test_long_work_gives_way_after_each_slice() -> None:
    """So that a scrape is served meanwhile."""
    clock = FakeClock()
    running = work(a_poll(clock), clock, *[SLICE_SECONDS / 2] * 6)
    assert len(list(running.__await__())) == 3 * ITERATIONS


def test_work_ends_with_the_polls_time() -> None:
    """However much of it is left."""
    clock = FakeClock()
    with pytest.raises(DeadlineExceeded):
        finished(work(a_poll(clock), clock, 0.0, 2.0, 0.0))


def test_a_response_found_invalid_later_counts_as_a_failed_attempt() -> None:
    """Under its class, like one that failed on the wire."""
    clock, client = FakeClock(), FixedClient(response_of([]))
    with pytest.raises(InvalidResponse), a_poll(clock, client).reading("activity"):
        raise InvalidResponse("cut off")
    assert [error.status_class for error in client.failures] == ["invalid_response"]
