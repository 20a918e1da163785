"""Exported history in real stores: each of the 30 days has the sums that the official SDK reads."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from openrouter import OpenRouter

from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import DEFAULT_SEED, SimulatedAccount, UsageRow
from tests.collectors.helpers import DOCUMENTED_FIELDS
from tests.history.harness import KEY, NOW, Export, ago
from tests.servers.other_stores import FOR_EVER, victoria_metrics
from tests.servers.prometheus import INSTANCE, JOB, Prometheus, prometheus
from tests.servers.shipped import ROOT, RULES, rules
from tests.servers.stores import create_blocks, import_history, promtool, run
from tests.support import FakeClock

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The vendor's client warns of its own deprecated fields whenever it reads them.
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]

LABELS = (("job", JOB), ("instance", INSTANCE))
KEPT = f"--storage.tsdb.retention.time={FOR_EVER}"

DAY = timedelta(days=1)
ENDPOINTS = 12
HIGH = 1.1  # of the mean of 7 days: enough for some days of the simulated account
GREW = 1.05
YEAR = re.findall(
    r"```promql\n(.*?)```",
    (ROOT / "docs/queries.md").read_text(encoding="utf-8").partition("## A year\n")[2].partition("\n## ")[0],
    re.DOTALL,
)

Sums = dict[date, dict[str, float]]


@dataclass(frozen=True)
class Exported:
    """A history file, and the sums that the official SDK reads from the same API."""

    file: Path
    sums: Sums


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Export a year, with a sample an hour."""
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(endpoints=ENDPOINTS), clock) as simulator:
        export = Export(simulator, tmp_path_factory.mktemp("exported"), clock)
        await export.run(labels=LABELS)
        async with OpenRouter(api_key=KEY, server_url=simulator.url) as client:
            rows = (await client.analytics.get_user_activity_async()).data
    sums: Sums = {}
    for number in range(1, 31):
        of_day = [row for row in rows if row.date_[:10] == ago(number).isoformat()]
        sums[ago(number)] = {
            measure: math.fsum(getattr(row, field) for row in of_day) for measure, field in DOCUMENTED_FIELDS.items()
        }
    assert all(day["requests"] > 0 for day in sums.values())
    return Exported(export.file, sums)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def blocks(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create Prometheus blocks from it once for all versions."""
    folder = tmp_path_factory.mktemp("blocks") / "data"
    await create_blocks(exported.file, folder)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    prometheus_program: str, blocks: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    """Run Prometheus on the blocks."""
    folder = tmp_path_factory.mktemp("prometheus")
    await asyncio.to_thread(shutil.copytree, blocks, folder / "data")
    async with prometheus(prometheus_program, "127.0.0.1:1", folder, options=[KEPT]) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def victoria(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Run VictoriaMetrics and import the file."""
    async with victoria_metrics(tmp_path_factory.mktemp("victoria")) as server:
        await import_history(server, exported.file)
        yield server


ACCOUNT = SimulatedAccount(DEFAULT_SEED, ENDPOINTS)


def rows(first: date, last: date) -> Iterator[UsageRow]:
    """Yield the usage of the simulated account."""
    for number in range((last - first).days + 1):
        yield from ACCOUNT.rows_of_day(first + number * DAY)


def spend(row: UsageRow) -> float:
    return row.usage + (row.byok_usage_inference or 0.0)


def _spent_on(model: str, first: date, last: date) -> float:
    return math.fsum(spend(row) for row in rows(first, last) if row.model == model)


def shown_at(day: date) -> str:
    """Return a time at which the day is the latest completed one."""
    return str(datetime(day.year, day.month, day.day, 10, tzinfo=UTC).timestamp() + 86_400)


async def sums_in(server: Prometheus, days: Sums) -> Sums:
    """Return a store's sums for each day."""
    sums: Sums = {}
    for day in days:
        sums[day] = {}
        for measure in DOCUMENTED_FIELDS:
            samples = await server.vector(f"sum(openrouter_activity_{measure})", time=shown_at(day))
            sums[day][measure] = samples[0].value
    return sums


async def test_prometheus_has_the_sums_of_the_sdk(server: Prometheus, exported: Exported) -> None:
    for day, sums in (await sums_in(server, exported.sums)).items():
        assert exported.sums[day] == pytest.approx(sums, rel=1e-12), day


async def test_victoria_metrics_has_the_sums_of_the_sdk(victoria: Prometheus, exported: Exported) -> None:
    for day, sums in (await sums_in(victoria, exported.sums)).items():
        assert exported.sums[day] == pytest.approx(sums, rel=1e-12), day


async def test_victoria_metrics_accepts_restated_days_after_deleting_their_series(tmp_path: Path) -> None:
    instant = int(NOW.timestamp())
    async with victoria_metrics(tmp_path) as server:
        for value in (1, 2):
            history = tmp_path / "history.txt"
            history.write_text(f"# TYPE a gauge\na {value} {instant}\n# EOF\n", encoding="utf-8")
            url = server.url.removesuffix("/prometheus")
            await run(
                "curl", "--fail", "--request", "POST", f"{url}/api/v1/admin/tsdb/delete_series?match[]=a", "--globoff"
            )
            await import_history(server, history)
        for query, expected in {"a": 2, "count_over_time(a[1m])": 1}.items():
            samples = await server.vector(query, time=str(instant + 1))
            assert [expected] == [sample.value for sample in samples]


async def test_prometheus_has_the_year_before(server: Prometheus) -> None:
    for number in (40, 200, 360):
        total = await server.vector("account:openrouter_activity_spend_usd:sum", time=shown_at(ago(number)))
        by_model = await server.vector(
            "sum(account_model:openrouter_activity_spend_usd:sum)", time=shown_at(ago(number))
        )
        assert total[0].value > 0
        assert total[0].value == pytest.approx(by_model[0].value, rel=1e-12)


async def test_panel_of_a_year_by_model_has_the_cost_of_each_model(server: Prometheus) -> None:
    by_model, _, _ = YEAR
    for number in (35, 120, 300):
        last = ago(number)
        expected: dict[str, float] = {}
        for row in rows(last - 29 * DAY, last):
            expected[row.model] = expected.get(row.model, 0.0) + spend(row)
        samples = await server.vector(by_model, time=shown_at(last))
        result = {sample.labels["model"]: sample.value for sample in samples if sample.value > 0}
        known = {model: usd for model, usd in result.items() if model in expected}
        assert len(known) > 3
        assert known == pytest.approx({model: expected[model] for model in known}, abs=1e-9)
        assert math.fsum(result.values()) == pytest.approx(math.fsum(expected.values()), abs=1e-9)


async def test_panel_of_months_has_the_cost_of_each_month(server: Prometheus) -> None:
    _, by_month, _ = YEAR
    for month in range(1, 12):
        first = date(2026, month, 1)
        last_month = first - DAY
        shown = await server.vector(by_month, time=shown_at(last_month))
        expected = math.fsum(map(spend, rows(last_month.replace(day=1), last_month)))
        assert [pytest.approx(expected, abs=1e-9)] == [sample.value for sample in shown], month
        shown = await server.vector(by_month, time=shown_at(first))
        assert {0} >= {sample.value for sample in shown}, month


async def test_month_over_month_compares_30_days_with_those_before(server: Prometheus) -> None:
    _, _, growth = YEAR
    last = ago(100)
    for sample in await server.vector(growth, time=shown_at(last)):
        model = sample.labels["model"]
        now, before = (_spent_on(model, end - 29 * DAY, end) for end in (last, last - 30 * DAY))
        if before:
            assert sample.value == pytest.approx(now / before, rel=1e-9), model


async def test_alert_on_high_spend_compares_with_the_week_before(server: Prometheus) -> None:
    """A day like the same weekday a week ago raises no OpenRouterSpendHigh."""
    (alert,) = (rule.expression for rule in rules() if rule.name == "OpenRouterSpendHigh")
    total, week = "account:openrouter_activity_spend_usd:sum", "account:openrouter_activity_7d_spend_usd:sum"
    for name, text in {
        "account:openrouter_activity_spend_usd:over_7d_mean": f"({total} / ({week} / 7))",
        "max by (account) (openrouter_threshold_spend_ratio)": f"({total} * 0 + {HIGH})",
        "max by (account) (openrouter_threshold_spend_floor_usd)": f"({total} * 0)",
        "1.5 *": f"{GREW} *",
    }.items():
        alert = alert.replace(name, text)
    firing: set[date] = set()
    expected: set[date] = set()
    as_a_week_ago: set[date] = set()
    for number in range(40, 100):
        day = ago(number)
        if await server.vector(alert, time=shown_at(day)):
            firing.add(day)
        spent, before = (math.fsum(map(spend, rows(when, when))) for when in (day, day - 7 * DAY))
        mean = math.fsum(map(spend, rows(day - 6 * DAY, day))) / 7
        if spent / mean > HIGH:
            (as_a_week_ago if spent < GREW * before else expected).add(day)
    assert expected == firing
    assert expected
    assert as_a_week_ago


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ten_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make blocks of ten days with a sample each five minutes, once for all versions."""
    folder = tmp_path_factory.mktemp("ten_days")
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(endpoints=2), clock) as simulator:
        export = Export(simulator, folder, clock)
        await export.run(labels=LABELS, first_day=ago(10), step=300.0)
    await create_blocks(export.file, folder / "data")
    return folder / "data"


async def test_rules_can_be_backfilled_for_imported_days(
    prometheus_program: str, ten_days: Path, tmp_path: Path
) -> None:
    """The commands of docs/history.md run the rules twice, because some use what others recorded."""
    await asyncio.to_thread(shutil.copytree, ten_days, tmp_path / "data")
    at = shown_at(ago(2))
    for _ in range(2):
        async with prometheus(prometheus_program, "127.0.0.1:1", tmp_path, options=[KEPT]) as server:
            await run(
                promtool(),
                *("tsdb", "create-blocks-from", "rules", f"--url={server.url}", "--eval-interval=5m"),
                *(f"--start={float(at) - 7200}", f"--end={float(at) + 3600}"),
                f"--output-dir={tmp_path / 'recorded'}",
                *(path for path in RULES if path.name == "openrouter-recording-spend.yaml"),
            )
        for block in await asyncio.to_thread(lambda: list((tmp_path / "recorded").iterdir())):
            await asyncio.to_thread(block.rename, tmp_path / "data" / block.name)
    async with prometheus(prometheus_program, "127.0.0.1:1", tmp_path, options=[KEPT]) as server:
        raw = await server.vector('sum({__name__=~"openrouter_activity_(byok_)?usage_usd"})', time=at)
        recorded = await server.vector("account:openrouter_activity_spend_usd:sum", time=at)
        mean = await server.vector("account:openrouter_activity_7d_spend_usd:mean", time=at)
        assert raw[0].value == pytest.approx(recorded[0].value, rel=1e-12)
        assert mean[0].value > 0


async def test_blocks_for_mimir_do_not_span_midnight(tmp_path: Path) -> None:
    """The command is that of docs/history.md."""
    page = (ROOT / "docs/history.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"promtool (tsdb .* history\.txt blocks)\n", page)
    samples = (f"a 1 {NOW.timestamp() + 1800 * number}\n" for number in range(2 * 48))
    (tmp_path / "history.txt").write_text(f"# TYPE a gauge\n{''.join(samples)}# EOF\n", encoding="utf-8")
    await run(promtool(), *command.split()[:-2], tmp_path / "history.txt", tmp_path / "blocks")
    paths = await asyncio.to_thread(lambda: list(tmp_path.glob("blocks/*/meta.json")))
    blocks = [json.loads(await asyncio.to_thread(path.read_text)) for path in paths]
    assert len(blocks) > 8
    day = DAY.total_seconds() * 1000
    assert [] == [block for block in blocks if block["minTime"] // day != (block["maxTime"] - 1) // day]
