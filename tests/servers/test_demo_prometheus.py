"""`make demo-prometheus` starts everything with one command and a month of history."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.daemon.conftest import environment
from tests.servers.programs import PATIENCE, free_port, required, responds, until
from tests.servers.prometheus import Prometheus
from tests.servers.shipped import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY, HOUR = 86_400, 3600


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Run the script with a sample every hour, and end it by Ctrl-C. No process or file may stay."""
    for program in ("prometheus", "promtool"):
        required(shutil.which(program), program)
    folder = tmp_path_factory.mktemp("demo")
    ports = {name: str(free_port()) for name in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    variables = environment(
        **ports, STEP="1h", TMPDIR=str(folder), EXPORTER=f"{Path(sys.executable).parent}/openrouter-exporter"
    )
    process = await asyncio.create_subprocess_exec(
        ROOT / "config/prometheus/demo", env=variables, start_new_session=True, stdout=asyncio.subprocess.PIPE
    )
    url = f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}"
    try:
        await until(lambda: responds(f"{url}/-/ready"), lambda ready: ready or process.returncode is not None)
        assert process.returncode is None
        yield Prometheus(url)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        await asyncio.wait_for(process.wait(), PATIENCE)
    assert [] == await asyncio.to_thread(lambda: list(folder.iterdir()))


async def test_prometheus_of_the_demo_has_a_month_of_history(server: Prometheus) -> None:
    now = time.time()
    for days in (2, 15, 29):
        instant = (now - days * DAY) // HOUR * HOUR
        samples = await server.vector('sum(openrouter_activity_usage_usd{account="demo"})', time=str(instant))
        assert samples[0].value > 0, days


async def test_imported_and_scraped_samples_are_one_series(server: Prometheus) -> None:
    present = 'count({__name__="openrouter_activity_usage_usd",account="demo"})'
    counts = await server.until(present, bool)
    past = await server.query('count(last_over_time(openrouter_activity_usage_usd{account="demo"}[29d]))')
    assert counts == past


async def test_rules_are_evaluated(server: Prometheus) -> None:
    assert await server.until('account:openrouter_activity_spend_usd:sum{account="demo"}', bool)


async def test_no_alert_of_a_healthy_account_fires_or_is_pending_on_imported_days(server: Prometheus) -> None:
    """All rules were evaluated on recorded series before. The demo has other accounts that show alerts."""
    await server.until('account:openrouter_activity_spend_usd:sum{account="demo"}', bool)
    recorded = datetime.now(UTC)

    async def evaluated() -> list[datetime]:
        groups = (await server.get("rules"))["groups"]
        return [datetime.fromisoformat(group["lastEvaluation"]) for group in groups]

    await until(evaluated, lambda times: min(times) > recorded)
    # The simulated catalogue retires models as the real one does: these two are right about a healthy account.
    assert [] == await server.vector('ALERTS{account=~"demo|", alertname!~"OpenRouterModel(Retiring|Delisted)"}')


@pytest.mark.parametrize("variable", ["PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT"])
async def test_port_in_use_is_named_before_the_history_is_written(variable: str) -> None:
    for program in ("prometheus", "promtool", "prometheus-alertmanager"):
        required(shutil.which(program), program)
    ports = {name: str(free_port()) for name in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        process = await asyncio.create_subprocess_exec(
            ROOT / "config/prometheus/demo",
            env=environment(**ports, EXPORTER="absent"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    message = f"port {ports[variable]} is in use; set {variable} to another one\n"
    assert (1, b"", message) == (process.returncode, output, errors.decode())
