"""Days before the API's 30: spend by model from analytics, under the names of the recording rules."""

from __future__ import annotations

import io
import math
import re
from datetime import date, timedelta
from typing import cast

import pytest

from exporter.api.client import Client
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.errors import ExportError, InvalidResponse
from exporter.history.account_source import AccountSource, WantedDays
from exporter.history.list_prices import ListPrices
from exporter.history.output import Output
from exporter.history.past_year import read_past_spend
from exporter.history.progress import Progress
from exporter.simulator.application import running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import DEFAULT_SEED, SimulatedAccount, UsageRow
from tests.collectors.scripted_polls import ScriptedClient, reply
from tests.history.harness import Export, Samples, account, ago, at, names, of_name
from tests.rules.shipped import RECORDED

TOTAL = "account:openrouter_activity_spend_usd:sum"
BY_MODEL = "account_model:openrouter_activity_spend_usd:sum"
STEP = 6 * 3600.0
OLDER = {"first_day": ago(70), "last_day": ago(40), "step": STEP}


def rows(day: date) -> list[UsageRow]:
    return SimulatedAccount(DEFAULT_SEED, 6).rows_of_day(day)


def spend(row: UsageRow) -> float:
    return row.usage + (row.byok_usage_inference or 0.0)


def spent(first: date, last: date) -> float:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return math.fsum(spend(row) for day in days for row in rows(day))


def value(read: Samples, name: str, day: date) -> float:
    """Return the sum over a family at noon of the day after, when this day is the latest one."""
    return of_name(read, name)[at(f"{day + timedelta(days=1)} 12:00")]


async def test_total_of_each_day_is_that_of_the_account(export: Export) -> None:
    read = await export.samples(**OLDER)
    for number in range(40, 71):
        assert value(read, TOTAL, ago(number)) == pytest.approx(spent(ago(number), ago(number)), abs=1e-9)


async def test_windows_end_with_their_day(export: Export) -> None:
    read = await export.samples(**OLDER)
    day = ago(46)
    for name, first in (
        ("7d", day - timedelta(days=6)),
        ("30d", day - timedelta(days=29)),
        ("month_to_date", date(2026, 10, 1)),
    ):
        window = f"account:openrouter_activity_{name}_spend_usd:sum"
        assert value(read, window, day) == pytest.approx(spent(first, day), abs=1e-9), name


async def test_models_have_the_names_of_the_activity(export: Export) -> None:
    read = await export.samples(**OLDER)
    day = ago(50)
    expected: dict[str, float] = {}
    for row in rows(day):
        expected[row.model] = expected.get(row.model, 0.0) + spend(row)
    instant = at(f"{day + timedelta(days=1)} 12:00")
    series = {labels: values for (name, labels), values in read.items() if name == BY_MODEL}
    by_model = {dict(labels)["model"]: values[instant] for labels, values in series.items() if instant in values}
    used = {model: usd for model, usd in by_model.items() if model in expected}
    assert expected == pytest.approx(used, abs=1e-9)


async def test_names_are_those_of_the_rules(export: Export) -> None:
    recorded = {name for name in names(await export.samples(**OLDER)) if ":" in name}
    assert len(recorded) == 8
    assert recorded <= set(RECORDED)


async def test_no_raw_series_are_written(export: Export) -> None:
    assert all(":" in name for name in names(await export.samples(**OLDER)))


async def test_recorded_series_have_no_labels_of_the_scrape(export: Export) -> None:
    read = await export.samples(**OLDER, labels=(("job", "openrouter"),))
    assert {frozenset({("account", "default")})} == {labels for name, labels in read if name == TOTAL}


async def test_recorded_day_ends_where_raw_series_begin(export: Export) -> None:
    read = await export.samples(first_day=ago(33), step=300.0)
    last = max(of_name(read, TOTAL))
    assert last + 300 == min(of_name(read, "openrouter_activity_usage_usd"))


async def test_window_is_recorded_until_the_30_days_contain_it(export: Export) -> None:
    read = await export.samples(first_day=ago(33), step=STEP)
    recorded = of_name(read, "account:openrouter_activity_7d_spend_usd:sum")
    raw = of_name(read, "openrouter_activity_7d_usage_usd")
    assert max(recorded) + STEP == min(raw)


async def test_days_within_the_30_need_no_analytics_request(export: Export) -> None:
    await export.run(first_day=ago(30))
    assert {"/api/v1/activity"} == {request.path for request in export.simulator.requests}


async def test_at_most_367_days_are_exported(export: Export) -> None:
    read = await export.samples(step=86_400.0)
    assert 367 == len({*of_name(read, TOTAL)} | {*of_name(read, "openrouter_activity_day_timestamp_seconds")}) + 1


async def test_truncated_response_is_read_in_parts(export: Export) -> None:
    whole = await export.samples(**OLDER)
    async with running(SimulatorSettings(endpoints=6, analytics_rows=20), export.clock) as simulator:
        export.simulator = simulator
        assert whole == await export.samples(**OLDER)
    assert len([request for request in simulator.requests if request.path.endswith("/query")]) > 5


async def test_day_whose_own_response_is_truncated_fails_and_is_named(export: Export) -> None:
    async with running(SimulatorSettings(endpoints=6, analytics_rows=1), export.clock) as simulator:
        export.simulator = simulator
        with pytest.raises(ExportError, match=r"2026-\d\d-\d\d cannot be read completely: the analytics API"):
            await export.run(**OLDER)
    assert not export.file.exists()


async def test_unreadable_row_fails_the_export(export: Export) -> None:
    export.simulator.faults.replace(parse_fault("bad-row"))
    with pytest.raises(ExportError):
        await export.run(**OLDER)


async def test_response_that_was_cached_before_its_last_day_ended_fails(export: Export) -> None:
    """Its last day may lack rows."""
    cached = reply(
        [{"date__day": str(ago(40)), "model": "a", "credits_usage": 1, "byok_usage": 0}], cachedAt=str(ago(40))
    )
    clock = export.clock
    source = AccountSource(
        account=account(),
        client=cast("Client", ScriptedClient([cached])),
        clock=clock,
        prices=cast("ListPrices", None),
        longest_poll=300.0,
        wanted=WantedDays(),
        progress=Progress(io.StringIO(), cast("Output", None), 1, clock),
    )
    with pytest.raises(InvalidResponse, match=rf"was cached at .*, before {ago(40)} had ended"):
        await read_past_spend(source, ActivitySettings(), ago(41), ago(40), {})


async def test_excluded_models_are_left_out(export: Export) -> None:
    before = await export.samples(**OLDER)
    export.accounts = [account(exclude=(re.compile(".*"),))]
    assert {} == await export.samples(**OLDER)
    assert before


async def test_dropped_label_has_no_series_by_model(export: Export) -> None:
    export.accounts = [account(drop_labels=("model",))]
    read = await export.samples(**OLDER)
    assert TOTAL in names(read)
    assert BY_MODEL not in names(read)
