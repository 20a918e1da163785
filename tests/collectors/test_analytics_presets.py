"""Presets cost few requests, name no person unless configured, and are valid queries of the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.collectors.analytics.analytics_collector import AnalyticsCollector
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.presets import DEFAULT, PRESETS, PresetName
from exporter.errors import StatusError
from tests.collectors.analytics_samples import META, PREFIX, query
from tests.collectors.helpers import response_of
from tests.collectors.scripted_polls import PollResult, ScriptedClient, poll_once, reply, simulated
from tests.support import NOON

DOCS = Path(__file__).parents[2] / "docs/configuration.md"
PEOPLE = {"user", "external_user", "session_id", "generation_id"}
REQUESTS_PER_MINUTE = 10


def preset(*names: PresetName, queries: tuple[AnalyticsQuery, ...] = ()) -> AnalyticsCollector:
    return AnalyticsCollector("default", AnalyticsSettings(presets=names, queries=queries))


def polled(*names: PresetName) -> PollResult:
    return poll_once(preset(*names), simulated(), prefix=PREFIX)


def test_default_presets_need_at_most_ten_requests_per_minute() -> None:
    """This holds even if each query has more rows than it may publish, and needs a total."""
    settings = AnalyticsSettings()
    assert (settings.enabled, settings.presets) == (True, DEFAULT)
    assert (2 * len(settings.all_queries) + 1) * 60 / settings.interval <= REQUESTS_PER_MINUTE
    assert f"{len(settings.all_queries)};" in AnalyticsCollector.requests


@pytest.mark.parametrize("name", PRESETS)
def test_each_query_of_a_preset_succeeds_on_the_simulator_and_has_series(name: PresetName) -> None:
    result = polled(name)
    assert result.collected.summary.failures == ()
    assert {labels[0] for labels in result.health["query_success"]} == {
        preset_query.name for preset_query in PRESETS[name]
    }
    assert {labels[0] for samples in result.families.values() for labels in samples} == {
        preset_query.name for preset_query in PRESETS[name]
    }


def test_preset_queries_have_different_names_and_no_conflicts() -> None:
    queries = [query for queries in PRESETS.values() for query in queries]
    assert len({query.name for query in queries}) == len(queries)
    assert [query.conflicts() for query in queries] == [()] * len(queries)


def test_default_presets_have_no_labels_that_name_people() -> None:
    """Only the preset `users` has end-user ids, and none has the names of members."""
    split = {name: {label for preset_query in PRESETS[name] for label in preset_query.labels} for name in PRESETS}
    assert {name for name, labels in split.items() if labels & PEOPLE} == {"users"}
    assert "users" not in DEFAULT
    assert all("user" not in labels for labels in split.values())


def test_configured_query_replaces_the_preset_query_of_its_name() -> None:
    """A configuration with its own query `performance` keeps it."""
    own = query("performance", "p90_latency", "model")
    settings = AnalyticsSettings(presets=("performance",), queries=(own,))
    assert [configured.name for configured in settings.all_queries] == [
        preset_query.name for preset_query in PRESETS["performance"]
    ]
    assert settings.all_queries[0] == own


def test_preset_performance_has_percentiles_finish_reasons_and_the_streamed_share() -> None:
    """Percentiles of latency, router latency and throughput are by model and by provider."""
    families = polled("performance").families
    for statistic in ("p50", "p95", "p99"):
        for what in ("latency_seconds", "router_latency_seconds", "throughput_tokens_per_second"):
            queries = {labels[0] for labels in families[f"{statistic}_{what}"]}
            assert queries == {"performance", "performance_by_provider"}
    requests = families["requests"]
    totals = {
        name: sum(value for labels, value in requests.items() if labels[0] == name)
        for name in ("performance", "finish_reasons", "streamed")
    }
    assert len(set(totals.values())) == 1


def test_parts_of_the_preset_cost_add_up_to_credits_usage() -> None:
    """The parts are the upstream price, web search, files, BYOK fees, and the effects of caching and data logging."""
    families = polled("cost").families
    for range_ in ("today", "month"):
        amounts = {
            name: value
            for name, samples in families.items()
            for labels, value in samples.items()
            if labels[0] == f"cost_{range_}"
        }
        parts = ("upstream", "cache", "web", "file", "data")
        charged = sum(amounts[f"usage_{part}_usd"] for part in parts) + amounts["byok_fees_usd"]
        assert charged == pytest.approx(amounts["credits_usage_usd"])
        assert amounts["usage_cache_usd"] < 0


@pytest.mark.parametrize("name", ["keys", "apps", "users"])
def test_spend_by_key_app_or_user_adds_up_to_the_total(name: PresetName) -> None:
    """This holds for today and for this month."""
    spenders, bill = polled(name).families["total_usage_usd"], polled("cost").families["total_usage_usd"]
    for range_ in ("today", "month"):
        total = sum(usd for labels, usd in spenders.items() if labels[0] == f"{name}_{range_}")
        assert total == pytest.approx(bill[f"cost_{range_}", ""], rel=1e-4)


def test_end_users_in_rejected_rows_are_not_logged() -> None:
    """Neither rejected rows nor unreadable fields show them."""
    rows = b'{"data":{"data":["hopper@example.com",["Hopper"],{"external_user":["Hopper"],"request_count":"1"}]}}'
    configured = query(dimensions="external_user")
    collector = preset(queries=(configured,))
    result = poll_once(collector, [META, response_of(rows, NOON)], prefix=PREFIX)
    assert result.rejected == {"not_an_object": 2}
    assert dict(result.rejections.unreadable) == {"external_user": 1}
    assert "hopper" not in str(result.rejections).lower()


def test_ordinary_key_sends_only_one_request() -> None:
    """The API would reject all other queries alike."""
    client = ScriptedClient([StatusError(403, "HTTP 403: Only management keys can perform this operation")])
    with pytest.raises(StatusError, match="all 8 queries: HTTP 403"):
        poll_once(preset(*DEFAULT), client)
    assert len(client.requests) == 1


def test_403_of_one_query_does_not_affect_the_others() -> None:
    """The message is not about the type of the key."""
    client = ScriptedClient([META, StatusError(403, "HTTP 403: Not in your plan"), reply([])])
    assert len(poll_once(preset(*DEFAULT), client).collected.summary.failures) == 1


def test_documentation_lists_each_preset_with_its_queries_and_requests() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, queries in PRESETS.items():
        row = re.search(rf"^\| `{name}` \|.*$", text, flags=re.MULTILINE)
        assert row is not None, name
        assert all(f"`{query.name}`" in row[0] for query in queries)
        assert f"| {len(queries)} |" in row[0]
