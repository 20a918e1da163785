"""Exported history in real stores: each of the 30 days has the sums of the vendor's client."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from openrouter import OpenRouter

from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.history.harness import KEY, NOW, Export, ago
from tests.servers.prometheus import INSTANCE, JOB, Prometheus, prometheus
from tests.servers.shipped import RULES
from tests.servers.stores import FOR_EVER, create_blocks, import_history, promtool, run, victoria_metrics
from tests.support import FakeClock

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The vendor's client warns of its own deprecated fields whenever it reads them.
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]

MEASURES = {
    "usage_usd": "usage",
    "byok_usage_usd": "byok_usage_inference",
    "requests": "requests",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cached_tokens": "cached_tokens",
}
LABELS = (("job", JOB), ("instance", INSTANCE))
KEPT = f"--storage.tsdb.retention.time={FOR_EVER}"

Sums = dict[date, dict[str, float]]


@dataclass(frozen=True)
class Exported:
    """A file of history, and what the vendor's client reads from the same API."""

    file: Path
    sums: Sums


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Export a year, with a sample an hour."""
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(endpoints=12), clock) as simulator:
        export = Export(simulator, tmp_path_factory.mktemp("exported"), clock)
        await export.run(labels=LABELS)
        async with OpenRouter(api_key=KEY, server_url=simulator.url) as client:
            rows = (await client.analytics.get_user_activity_async()).data
    sums: Sums = {}
    for number in range(1, 31):
        of_day = [row for row in rows if row.date_[:10] == ago(number).isoformat()]
        sums[ago(number)] = {
            measure: math.fsum(getattr(row, field) for row in of_day) for measure, field in MEASURES.items()
        }
    assert all(day["requests"] > 0 for day in sums.values())
    return Exported(export.file, sums)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def blocks(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make Prometheus' blocks of it, once for all versions."""
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
    """Run VictoriaMetrics, and import the file."""
    async with victoria_metrics(tmp_path_factory.mktemp("victoria")) as server:
        await import_history(server, exported.file)
        yield server


def shown_at(day: date) -> str:
    """Return an instant at which the day is the latest completed one."""
    return str(datetime(day.year, day.month, day.day, 10, tzinfo=UTC).timestamp() + 86_400)


async def sums_in(server: Prometheus, days: Sums) -> Sums:
    """Return what a store has of each day."""
    sums: Sums = {}
    for day in days:
        sums[day] = {}
        for measure in MEASURES:
            samples = await server.vector(f"sum(openrouter_activity_{measure})", time=shown_at(day))
            sums[day][measure] = samples[0].value
    return sums


async def test_prometheus_has_the_sums_of_the_vendors_client(server: Prometheus, exported: Exported) -> None:
    for day, sums in (await sums_in(server, exported.sums)).items():
        assert exported.sums[day] == pytest.approx(sums, rel=1e-12), day


async def test_victoria_metrics_has_the_sums_of_the_vendors_client(victoria: Prometheus, exported: Exported) -> None:
    for day, sums in (await sums_in(victoria, exported.sums)).items():
        assert exported.sums[day] == pytest.approx(sums, rel=1e-12), day


async def test_prometheus_has_the_year_before(server: Prometheus) -> None:
    for number in (40, 200, 360):
        total = await server.vector("account:openrouter_activity_spend_usd:sum", time=shown_at(ago(number)))
        by_model = await server.vector(
            "sum(account_model:openrouter_activity_spend_usd:sum)", time=shown_at(ago(number))
        )
        assert total[0].value > 0
        assert total[0].value == pytest.approx(by_model[0].value, rel=1e-12)


async def test_rules_record_the_days_that_were_imported(prometheus_program: str, tmp_path: Path) -> None:
    """The commands of docs/history.md: the rules twice, because some build on what others recorded."""
    clock = FakeClock(NOW, self_moving=True)
    async with running(SimulatorSettings(endpoints=2), clock) as simulator:
        export = Export(simulator, tmp_path, clock)
        await export.run(labels=LABELS, first_day=ago(10), step=300.0)
    await create_blocks(export.file, tmp_path / "data")
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
