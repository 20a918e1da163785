"""Alerts that compare with past days work on imported history: each fires only on its planted day."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import SimulatedAccount, UsageRow
from tests.history.harness import NOW, Export, ago
from tests.servers.other_stores import FOR_EVER
from tests.servers.programs import installed_prometheus, required
from tests.servers.prometheus import INSTANCE, JOB, Prometheus, prometheus
from tests.servers.shipped import rules
from tests.servers.stores import create_blocks
from tests.support import FakeClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAYS = 35
EVALUATED = range(2, 23)  # days ago: a week earlier there is still a whole day of history
RECORDED = {rule.name: rule.expression for rule in rules() if not rule.alerts}
_RECORDED = re.compile(r"\b(\w+:\w+:\w+)( offset \w+)?")
THRESHOLDS = {
    "openrouter_threshold_spend_ratio": 3.0,
    "openrouter_threshold_spend_floor_usd": 1.0,
    "openrouter_threshold_model_share_increase_ratio": 0.3,
    "openrouter_threshold_requests_floor": 100.0,
}

EXPENSIVE = ago(9)  # a Wednesday
OF_ONE_MODEL = ago(15)  # a Thursday
WITHOUT_REQUESTS = ago(4)  # a Monday
TUESDAY, SUNDAY = 1, 6


class PlannedAccount(SimulatedAccount):
    """An account that spends 10 USD a day on three models, except on planted days. Tuesdays have a batch, and Sundays
    no requests.
    """

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return one row per model."""
        if day == WITHOUT_REQUESTS or day.weekday() == SUNDAY:
            return []
        spend = {"a/chat": 3.0, "b/search": 6.0, "c/batch": 1.0}
        if day == EXPENSIVE:
            spend = {model: 15 * usd for model, usd in spend.items()}
        elif day == OF_ONE_MODEL:
            spend = {"a/chat": 9.0, "b/search": 0.5, "c/batch": 0.5}
        elif day.weekday() == TUESDAY:
            spend["c/batch"] = 40.0
        return [self._row(day, model, usd) for model, usd in spend.items()]

    def _row(self, day: date, model: str, usd: float) -> UsageRow:
        return UsageRow(f"{day} 00:00:00", model, model, model, "Provider", usd, 0.0, 200, 1000, 100, 0, 0, 0)


def add_thresholds(history: Path) -> None:
    """Add the thresholds that the exporter would have published, because alerts are silent without them."""
    text = history.read_text(encoding="utf-8").removesuffix("# EOF\n")
    history.write_text(f"{text}{''.join(_thresholds())}# EOF\n", encoding="utf-8")


def _thresholds() -> Iterator[str]:
    for name, value in THRESHOLDS.items():
        yield f"# TYPE {name} gauge\n"
        for number in reversed(EVALUATED):
            yield f'{name}{{account="default",job="{JOB}",instance="{INSTANCE}"}} {value} {shown_at(ago(number))}\n'


def shown_at(day: date) -> int:
    """Return a time at which the day is the latest completed one."""
    return int((datetime(day.year, day.month, day.day, 20, tzinfo=UTC) + timedelta(days=1)).timestamp())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Run Prometheus, without targets, on the days before the exporter started and their thresholds."""
    folder = tmp_path_factory.mktemp("imported")
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(replay=PlannedAccount()), clock) as simulator:
        export = Export(simulator, folder, clock)
        await export.run(labels=(("job", JOB), ("instance", INSTANCE)), first_day=ago(DAYS))
    await asyncio.to_thread(add_thresholds, export.file)
    await create_blocks(export.file, folder / "data")
    program = required(installed_prometheus(2), "Prometheus 2")
    options = [f"--storage.tsdb.retention.time={FOR_EVER}"]
    async with prometheus(program, "127.0.0.1:1", folder, options=options) as server:
        yield server


def inlined(expression: str) -> str:
    """Return an expression with recorded series replaced by their rules, unless they were imported."""

    def recorded(match: re.Match[str]) -> str:
        name, offset = match[1], match[2] or ""
        computed = f"({inlined(RECORDED[name])})"
        return f"({name}{offset} or {f'last_over_time({computed}[1s:1s]{offset})' if offset else computed})"

    return _RECORDED.sub(recorded, expression)


async def firing(server: Prometheus, expression: str) -> set[date]:
    """Return the days on which an expression has a result."""
    return {ago(number) for number in EVALUATED if await server.vector(expression, time=f"{shown_at(ago(number))}")}


def expression_of(alert: str) -> str:
    (expression,) = (rule.expression for rule in rules() if rule.name == alert)
    return inlined(expression)


@pytest.mark.parametrize(
    ("alert", "planted"),
    [
        ("OpenRouterSpendHigh", EXPENSIVE),
        ("OpenRouterModelShareJump", OF_ONE_MODEL),
        ("OpenRouterNoRequests", WITHOUT_REQUESTS),
    ],
)
async def test_alert_fires_on_its_planted_day_only(server: Prometheus, alert: str, planted: date) -> None:
    assert {planted} == await firing(server, expression_of(alert))


@pytest.mark.parametrize(
    ("alert", "weekday"),
    [("OpenRouterSpendHigh", TUESDAY), ("OpenRouterModelShareJump", TUESDAY), ("OpenRouterNoRequests", SUNDAY)],
)
async def test_weekly_pattern_raises_no_alert_with_the_week_before(
    server: Prometheus, alert: str, weekday: int
) -> None:
    """Without that week, the alert fires on such a weekday."""
    without = expression_of(alert).replace("offset 7d", "offset 900d")
    assert weekday in {day.weekday() for day in await firing(server, without)}
