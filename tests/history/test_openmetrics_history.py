"""`export --format=openmetrics`: past samples as the running exporter would have published them."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.config.configuration import Configuration, Upstream
from exporter.daemon.exporter import Exporter
from exporter.errors import UsageError
from tests.history.harness import NOW, Export, Samples, account, ago, at, names, of_name, samples, samples_of_scrape

DAY_TIMESTAMP = "openrouter_activity_day_timestamp_seconds"
LABELS = (("job", "openrouter"), ("instance", "localhost:10063"))


async def test_each_sample_equals_that_of_a_running_exporter_at_its_time(export: Export) -> None:
    read = await export.samples(first_day=ago(4), step=6 * 3600.0)
    instants = sorted(of_name(read, DAY_TIMESTAMP))
    for instant in instants:
        export.clock.jump(datetime.fromtimestamp(instant, UTC))
        daemon = Exporter(
            Configuration(upstream=Upstream(base_url=export.simulator.url), accounts=tuple(export.accounts)),
            export.clock,
        )
        try:
            assert await daemon.poll_once()
            text = daemon.scrape("application/openmetrics-text", "", ()).body.decode()
        finally:
            await daemon.close()
        shown = samples_of_scrape(text)
        exported = {series: values[instant] for series, values in read.items() if instant in values}
        assert len(exported) > 100
        assert exported == {series: shown.get(series) for series in exported}
    assert len(instants) > 12


async def test_families_and_labels_are_those_of_the_exposition(export: Export) -> None:
    read = await export.samples(first_day=ago(30))
    assert {
        "openrouter_activity_usage_usd",
        "openrouter_activity_30d_requests",
        "openrouter_activity_month_to_date_cached_tokens",
        "openrouter_activity_endpoint_info",
        DAY_TIMESTAMP,
    } < names(read)
    labels = {frozenset(dict(labels)) for name, labels in read if name == "openrouter_activity_7d_usage_usd"}
    assert {frozenset({"account", "model", "provider", "endpoint_id"})} == labels


async def test_day_has_samples_from_settle_delay_after_its_end_until_the_next_day_does(export: Export) -> None:
    shown = of_name(await export.samples(first_day=ago(3), last_day=ago(3), step=300.0), DAY_TIMESTAMP)
    assert at("2026-11-18 00:30") == min(shown)
    assert at("2026-11-19 00:25") == max(shown)
    assert {float(at("2026-11-17 00:00"))} == set(shown.values())


async def test_settle_delay_of_the_account_is_used(export: Export) -> None:
    export.accounts = [account(settle_delay=7200.0)]
    shown = of_name(await export.samples(first_day=ago(3), last_day=ago(3), step=300.0), DAY_TIMESTAMP)
    assert (at("2026-11-18 02:00"), at("2026-11-19 01:55")) == (min(shown), max(shown))


async def test_every_step_has_a_sample(export: Export) -> None:
    shown = sorted(of_name(await export.samples(first_day=ago(5), step=900.0), DAY_TIMESTAMP))
    assert {900} == {later - earlier for earlier, later in pairwise(shown)}


async def test_history_ends_three_hours_ago(export: Export) -> None:
    shown = of_name(await export.samples(first_day=ago(30), step=300.0), DAY_TIMESTAMP)
    assert at("2026-11-20 12:00") == max(shown)
    assert "The last sample is at 2026-11-20 12:00 UTC; the running exporter continues from there." in export.notes


async def test_first_day_is_the_oldest_that_the_api_returns(export: Export) -> None:
    shown = of_name(await export.samples(first_day=ago(30)), DAY_TIMESTAMP)
    assert float(at("2026-10-21 00:00")) == min(shown.values())


async def test_window_begins_once_each_of_its_days_is_known(export: Export) -> None:
    read = await export.samples(first_day=ago(30))
    assert at("2026-10-28 01:00") == min(of_name(read, "openrouter_activity_7d_requests"))
    assert at("2026-11-20 01:00") == min(of_name(read, "openrouter_activity_30d_requests"))
    assert at("2026-11-02 01:00") == min(of_name(read, "openrouter_activity_month_to_date_requests"))


async def test_window_includes_days_before_the_first_exported_one(export: Export) -> None:
    read = await export.samples(first_day=ago(3), last_day=ago(3))
    assert of_name(read, "openrouter_activity_7d_requests")


async def test_labels_of_the_scrape_are_added(export: Export) -> None:
    read = await export.samples(first_day=ago(2), labels=LABELS)
    assert all(set(LABELS) < labels for _, labels in read)


async def test_missing_labels_of_the_scrape_cause_a_note(export: Export) -> None:
    await export.run(first_day=ago(2), labels=LABELS[:1])
    assert (
        "Without --label=instance=..., Prometheus stores this history separately from what it scrapes." in export.notes
    )


async def test_samples_are_grouped_by_series_in_order_of_time(export: Export) -> None:
    lines = [line for line in (await export.run(first_day=ago(3))).decode().splitlines() if not line.startswith("#")]
    series = [line.rsplit(" ", 2)[0] for line in lines]
    changes = sum(before != after for before, after in pairwise(series))
    assert len(set(series)) == changes + 1


async def test_file_is_strict_openmetrics(export: Export) -> None:
    text = (await export.run(first_day=ago(2))).decode()
    read: Samples = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]  # the client has no types here
        for sample in family.samples:
            series = read.setdefault((sample.name, frozenset(sample.labels.items())), {})
            series[int(float(sample.timestamp))] = sample.value
    assert samples(text) == read


async def test_file_ends_with_eof(export: Export) -> None:
    assert (await export.run(first_day=ago(2))).endswith(b"\n# EOF\n")


async def test_same_command_writes_the_same_bytes(export: Export) -> None:
    before = await export.run(first_day=ago(30))
    export.clock.advance(600)
    assert before == await export.run(first_day=ago(30))


async def test_compressed_file_has_the_same_content_and_the_same_bytes(export: Export) -> None:
    plain = await export.run(first_day=ago(2))
    target = str(export.folder / "history.txt.gz")
    compressed = await export.run(first_day=ago(2), output=target)
    assert plain == gzip.decompress(compressed)
    assert compressed == await export.run(first_day=ago(2), output=target)


async def test_each_account_has_its_series_and_each_family_one_description(export: Export) -> None:
    export.accounts = [account("one"), account("two", key="sk-or-v1-demo-2"), account("three")]
    text = (await export.run(first_day=ago(2), account_names=("one", "two"))).decode()
    described = [line for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(described) == len(set(described))
    body = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))
    assert {"one", "two"} == {dict(labels)["account"] for _, labels in samples(body + "# EOF\n")}


async def test_usage_split_by_workspace_has_its_label_and_names(export: Export) -> None:
    export.accounts = [account(split_by="workspace")]
    read = await export.samples(first_day=ago(2))
    assert "openrouter_workspace_info" in names(read)
    assert all("workspace_id" in dict(labels) for name, labels in read if name == "openrouter_activity_requests")


async def test_labels_of_the_configuration_are_those_of_the_exposition(export: Export) -> None:
    allocations = Allocations(
        labels=("team", "site"), rules=(AllocationRule(workspace=re.compile("Default"), labels={"team": "search"}),)
    )
    of_account = replace(account(split_by="workspace"), labels={"site": "west"}, allocations=allocations)
    export.accounts = [of_account]
    read = await export.samples(first_day=ago(2))
    info = {labels for name, labels in read if name == "openrouter_account_info"}
    assert {frozenset({("account", "default"), ("team", "unallocated"), ("site", "west")})} == info
    teams = {dict(labels)["team"] for name, labels in read if name == "openrouter_allocation_info"}
    assert {"search", "unallocated"} == teams


async def test_usage_split_by_key_sums_up_to_the_total(export: Export) -> None:
    total = of_name(await export.samples(first_day=ago(2)), "openrouter_activity_requests")
    export.accounts = [account(split_by="api_key")]
    assert total == of_name(await export.samples(first_day=ago(2)), "openrouter_activity_requests")


async def test_step_above_five_minutes_causes_a_note(export: Export) -> None:
    await export.run(first_day=ago(2), step=600.0)
    assert any("--step=10m leaves gaps: Prometheus looks back 5m" in note for note in export.notes)


async def test_step_of_five_minutes_causes_no_note(export: Export) -> None:
    await export.run(first_day=ago(2), step=300.0)
    assert not any("leaves gaps" in note for note in export.notes)


async def test_day_that_is_too_recent_has_no_sample(export: Export) -> None:
    export.clock.set(NOW.replace(hour=23) + timedelta(hours=2))
    assert {} == await export.samples(first_day=ago(0), last_day=ago(0))
    assert ("No samples: the days are too recent. The running exporter shows them.",) == export.notes


@pytest.mark.parametrize("name", ["account", "model"])
async def test_label_that_series_already_have_is_refused(export: Export, name: str) -> None:
    with pytest.raises(UsageError, match=f"--label {name}: the series already have a label with this name"):
        await export.run(first_day=ago(2), labels=((name, "x"),))
