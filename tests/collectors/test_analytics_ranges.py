"""Time ranges of analytics queries: calendar periods in UTC, rolling ranges of whole buckets, and classifiers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exporter.collectors.analytics.configured_queries import (
    AnalyticsFilter,
    AnalyticsQuery,
    ClassifierDimensions,
    ClassifierFilter,
    ClassifierFilters,
)
from exporter.collectors.analytics.time_ranges import time_range
from exporter.collectors.periods import CalendarRange
from exporter.errors import InvalidResponse
from tests.collectors.analytics_samples import META, PREFIX, analytics, collector, query
from tests.collectors.helpers import at
from tests.collectors.scripted_polls import (
    PollResult,
    Reply,
    ScriptedClient,
    poll_once,
    published,
    reply,
    simulated,
    with_date,
)
from tests.support import NOON

HOUR, DAY = 3600.0, 86_400.0
# NOON is on a Sunday.
ROWS = [{"model": "a", "request_count": "1"}]
TOPIC = ClassifierDimensions(classifier_id="c1", dimension_names=("topic",))


@pytest.mark.parametrize(
    ("name", "start", "end", "until"),
    [
        ("today", "2026-08-23 00:00:00", "2026-08-23 12:00:59", "2026-08-24"),
        ("yesterday", "2026-08-22 00:00:00", "2026-08-22 23:59:59", "2026-08-24"),
        ("week", "2026-08-17 00:00:00", "2026-08-23 12:00:59", "2026-08-24"),
        ("last_week", "2026-08-10 00:00:00", "2026-08-16 23:59:59", "2026-08-24"),
        ("month", "2026-08-01 00:00:00", "2026-08-23 12:00:59", "2026-09-01"),
        ("last_month", "2026-07-01 00:00:00", "2026-07-31 23:59:59", "2026-09-01"),
    ],
)
def test_calendar_ranges_begin_at_midnight_utc_and_weeks_on_monday(name: Any, start: str, end: str, until: str) -> None:
    """A period in the past ends with its last second."""
    covered = time_range(name, NOON)
    assert (covered.start, covered.end) == (at(start), at(end))
    assert covered.until == at(f"{until} 00:00:00")


@pytest.mark.parametrize(
    ("length", "start"),
    [
        (60.0, "2026-08-23 12:33:00"),
        (3 * HOUR, "2026-08-23 09:34:00"),
        (4 * HOUR, "2026-08-23 09:00:00"),
        (DAY, "2026-08-22 13:00:00"),
        (31 * DAY, "2026-07-23 13:00:00"),
        (32 * DAY, "2026-07-23 00:00:00"),
    ],
)
def test_rolling_range_begins_with_a_whole_bucket(length: float, start: str) -> None:
    """A bucket is a minute, an hour or a day. The range is never longer than configured, because the API may have a
    maximum.
    """
    covered = time_range(length, at("2026-08-23 12:34:56"))
    assert (covered.start, covered.end) == (at(start), at("2026-08-23 12:34:00"))
    assert covered.until is None


def calendar(name: Any, **more: Any) -> PollResult:
    return poll_once(collector(query(range=name), **more), [META, reply(ROWS)], prefix=PREFIX)


def test_values_of_a_period_expire_when_it_ends() -> None:
    """Otherwise yesterday's values would be shown as today's after midnight."""
    now = at("2026-08-23 23:50:00")
    script: list[Reply] = [META, reply(ROWS, server=now)]
    polled = poll_once(collector(query(range="today")), script, prefix=PREFIX, now=now)
    assert polled.families["requests"] == {("one", "a"): 1.0}
    ((moment, successor),) = polled.collected.successors
    assert moment == at("2026-08-24 00:00:00")
    assert published(successor, collector(query(range="today")), PREFIX)["requests"] == {}


def test_values_with_an_earlier_expiry_do_not_expire_again_at_the_end_of_the_period() -> None:
    assert calendar("today").collected.successors == ()
    assert len(calendar("today", stale_after=float("inf")).collected.successors) == 1


def test_period_that_has_not_begun_by_the_servers_clock_fails() -> None:
    """If our clock is ahead, the numbers would be those of another day."""
    now = at("2026-08-24 00:00:01")
    response = with_date(reply(ROWS), at("2026-08-23 23:59:58"))
    with pytest.raises(InvalidResponse, match="by the server's clock 2026-08-24 has not begun yet"):
        poll_once(collector(query(range="yesterday")), [META, response], now=now)


def test_calendar_range_needs_the_servers_clock_and_a_rolling_one_does_not() -> None:
    response = reply(ROWS, server=None)
    with pytest.raises(InvalidResponse, match="no Date header confirms that the current day has begun"):
        analytics(query(range="today"), replies=[response])
    assert analytics(query(), replies=[response]).families["requests"]


def test_response_cached_before_the_day_began_is_refused() -> None:
    """It would show yesterday's values as today's."""
    now = at("2026-08-24 00:10:00")
    cached = reply(ROWS, server=now, cachedAt="2026-08-23T23:59:00Z")
    with pytest.raises(InvalidResponse, match="cached at 2026-08-23T23:59:00Z, before the day began"):
        poll_once(collector(query(range="today")), [META, cached], now=now)


def test_longer_calendar_ranges_have_higher_spend_on_the_simulator() -> None:
    spent: dict[str, float] = {}
    periods: tuple[CalendarRange, ...] = ("today", "yesterday", "week", "month")
    for name in periods:
        polled = poll_once(collector(query(metrics="total_usage", range=name)), simulated(), prefix=PREFIX)
        spent[name] = sum(polled.families["total_usage_usd"].values())
    assert 0 < spent["today"] < spent["week"] < spent["month"]
    assert spent["yesterday"] > 0


def test_include_unset_is_sent_with_the_filter() -> None:
    condition = AnalyticsFilter(field="app", operator="not_in", values=("1", "2"), include_unset=True)
    client = ScriptedClient([META, reply([])])
    poll_once(collector(query(filters=(condition,))), client)
    expected = {"field": "app", "operator": "not_in", "value": ["1", "2"], "include_unset": True}
    assert client.contents()[0]["filters"] == [expected]
    assert condition.conflicts() == ()


@pytest.mark.parametrize(("field", "operator"), [("app", "eq"), ("model", "in")])
def test_include_unset_conflicts_with_other_fields_and_operators(field: str, operator: Any) -> None:
    """The API accepts it only for lists of keys, apps and users."""
    (conflict,) = AnalyticsFilter(field=field, operator=operator, values=("1",), include_unset=True).conflicts()
    assert conflict.message == "include_unset is only for in and not_in on api_key_id, app, user"


def test_classifier_dimensions_become_labels_and_are_not_sent_with_the_total() -> None:
    only = ClassifierFilters(
        classifier_id="c2", filters=(ClassifierFilter(field="Area", operator="in", values=("x", "y")),)
    )
    configured = query(dimensions="model", classifier_dimensions=TOPIC, classifier_filters=only, max_series=1)
    rows = [{"model": "a", "topic": name, "request_count": "1"} for name in ("billing", "other topics")]
    client = ScriptedClient([META, reply(rows), reply([{"request_count": "3"}])])
    polled = poll_once(collector(configured), client, prefix=PREFIX)
    assert polled.families["requests"] == {("one", "a", "billing"): 1.0, ("one", "other", "other"): 2.0}
    first, second = client.contents()
    assert first["classifier_dimensions"] == {
        "classifier_id": "c1",
        "dimension_names": ["topic"],
        "include_nulls": False,
    }
    filters = {"classifier_id": "c2", "filters": [{"field": "Area", "operator": "in", "value": ["x", "y"]}]}
    assert first["classifier_filters"] == second["classifier_filters"] == filters
    assert "classifier_dimensions" not in second


def test_include_nulls_adds_unclassified_requests_on_the_simulator() -> None:
    split = ClassifierDimensions(classifier_id="c1", dimension_names=("topic",), include_nulls=True)
    configured = query(dimensions="", classifier_dimensions=split, range=DAY)
    topics = {
        labels[-1] for labels in poll_once(collector(configured), simulated(), prefix=PREFIX).families["requests"]
    }
    assert topics == {"billing", "search", "support", ""}
    configured = query(dimensions="", classifier_dimensions=TOPIC, range=DAY)
    topics = {
        labels[-1] for labels in poll_once(collector(configured), simulated(), prefix=PREFIX).families["requests"]
    }
    assert topics == {"billing", "search", "support"}


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        (
            query(range=32 * DAY, classifier_dimensions=TOPIC),
            "the API returns classifiers for at most 31 days, not 32d",
        ),
        (query(dimensions="topic", classifier_dimensions=TOPIC), "topic is already a dimension"),
        (
            query(classifier_dimensions=ClassifierDimensions(classifier_id="c", dimension_names=("query",))),
            "query is already a label",
        ),
        (
            query(metrics="cache_capture_rate", dimensions="app"),
            "the API returns cache_capture_rate by model and provider only, not by app",
        ),
        (
            query(filters=tuple(AnalyticsFilter(field="model", values=(str(number),)) for number in range(21))),
            "a query has at most 20 filters, not 21",
        ),
    ],
)
def test_query_beyond_a_limit_of_the_api_conflicts(configured: AnalyticsQuery, message: str) -> None:
    """The configuration is rejected before the first request."""
    assert [conflict.message for conflict in configured.conflicts()] == [message]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (ClassifierDimensions(dimension_names=("topic",)), "classifier_id and dimension_names must be set together"),
        (ClassifierDimensions(classifier_id="c"), "classifier_id and dimension_names must be set together"),
        (
            ClassifierDimensions(classifier_id="c", dimension_names=("a", "b", "c")),
            "a query has at most 2 classifier dimensions, not 3",
        ),
        (ClassifierFilters(classifier_id="c"), "classifier_id and filters must be set together"),
        (
            ClassifierFilters(
                classifier_id="c", filters=tuple(ClassifierFilter(field="f", values=(str(n),)) for n in range(11))
            ),
            "at most 10 classifier filters, not 11",
        ),
    ],
)
def test_classifiers_beyond_a_limit_of_the_api_conflict(section: Any, message: str) -> None:
    assert [conflict.message for conflict in section.conflicts()] == [message]


def test_longest_calendar_range_is_within_the_limits_of_the_api() -> None:
    """A month of 31 days is just short enough for latency metrics."""
    covered = time_range("last_month", at("2026-08-01 00:00:00"))
    assert covered.end - covered.start < timedelta(days=31)
    assert query(metrics="p99_latency", range="last_month").conflicts() == ()
