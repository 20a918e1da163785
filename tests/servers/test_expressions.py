"""Every expression of rules, dashboards and pages returns data on a real Prometheus with a week of demo data."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.servers.expressions import Expression, documented, panels, recorded, selected
from tests.servers.history import LOOK_BACK, RECENT, write_blocks
from tests.servers.programs import free_port, started, until
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.rightly_empty import RIGHTLY_EMPTY
from tests.servers.shipped import hastened, rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAYS = 9
STEP = 300  # seconds: Grafana queries two days in as many points as a panel has pixels, not each minute


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the history once for all versions."""
    folder = tmp_path_factory.mktemp("history") / "data"
    await write_blocks(folder, DAYS, old_step=timedelta(hours=12))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    prometheus_program: str, history: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    """Run Prometheus on the history with all rules, scraping the demo."""
    folder = tmp_path_factory.mktemp("expressions")
    shutil.copytree(history, folder / "data")
    target = f"127.0.0.1:{free_port()}"
    demo = ("-m", "exporter", "demo", f"--web.listen-address={target}")
    evaluated = hastened(folder, every="2s")
    async with (
        started(f"http://{target}/-/ready", folder / "demo.log", sys.executable, *demo),
        prometheus(prometheus_program, target, folder, rules=evaluated, options=[LOOK_BACK]) as server,
    ):
        await server.until("count_over_time(up[1m]) > 5", bool)  # rules were evaluated, rates have two samples
        # One of the demo's accounts has a rejected key.
        await server.until("sum(increase(openrouter_exporter_api_failures_total[1m])) > 0", bool)
        # Some rules use what others record, so they have no result at first.
        expected = {rule.name for rule in recorded()} - RIGHTLY_EMPTY.keys()
        await until(partial(recorded_names, server), expected.issubset)
        yield server


async def recorded_names(server: Prometheus) -> set[str]:
    """Return the names of what rules have recorded."""
    return {sample.labels["__name__"] for sample in await server.vector('{__name__=~".+:openrouter_.+"}')}


async def empty(server: Prometheus, expressions: Iterable[Expression]) -> set[str]:
    """Return the names of expressions without a result. Equal expressions are queried once."""
    names: dict[tuple[str, int], set[str]] = {}
    for expression in expressions:
        names.setdefault((expression.text, expression.step), set()).add(expression.name)
    return {name for query, of_query in names.items() if not await _result(server, *query) for name in of_query}


async def _result(server: Prometheus, text: str, step: int) -> list[object]:
    if not step:
        return list(await server.vector(text))
    end = time.time()
    parameters = {"start": str(end - RECENT.total_seconds()), "end": str(end), "step": str(max(step, STEP))}
    return list((await server.get("query_range", query=text, **parameters))["result"])


async def test_every_recording_rule_has_a_result(server: Prometheus) -> None:
    """Prometheus evaluates the rules itself."""
    names = {rule.name for rule in recorded()}
    assert len(names) > 10
    assert names - await recorded_names(server) == {name for name in RIGHTLY_EMPTY if name in names}


@pytest.mark.parametrize(
    ("by_team", "total"),
    [
        ("account_team:openrouter_activity_spend_usd:sum", "account:openrouter_activity_spend_usd:sum"),
        ("account_team:openrouter_spend_month_usd:sum", "account_part:openrouter_spend_month_usd:sum"),
        ("account_team:openrouter_app_spend_month_usd:sum", "account_part:openrouter_app_spend_month_usd:sum"),
    ],
)
async def test_teams_add_up_to_the_total(server: Prometheus, by_team: str, total: str) -> None:
    """The rest is `unallocated`. For a moment after a poll, only one of the two is evaluated on its data."""
    of_demo = '{account="demo"}'
    await server.until(
        f"sum({by_team}{of_demo}) / sum({total}{of_demo})", lambda ratio: ratio == [pytest.approx(1, abs=1e-9)]
    )


async def test_every_expression_returns_data(server: Prometheus) -> None:
    """Exceptions are listed with their reasons. Listed ones that have a result or no longer exist fail too."""
    everything = [*recorded(), *selected(), *panels(), *documented()]
    assert len(everything) > 100
    result = await empty(server, everything)
    assert ([], []) == (sorted(result - RIGHTLY_EMPTY.keys()), sorted(RIGHTLY_EMPTY.keys() - result))


async def test_empty_expression_is_detected(server: Prometheus) -> None:
    """It shows that the check can fail, for instant and range queries."""
    wrong = [Expression("now", 'openrouter_up{account="nobody"}'), Expression("graph", "openrouter_nothing", 60)]
    assert {"now", "graph"} == await empty(server, [*wrong, Expression("right", "openrouter_up")])


async def test_no_alert_fires_on_a_healthy_account(server: Prometheus) -> None:
    """None is pending, and none has fired since the start. The demo has other accounts that show alerts."""
    groups = (await server.get("rules"))["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"] if "state" in rule}
    assert health == {rule.name: "ok" for rule in rules() if rule.alerts}
    # The simulated catalogue retires models as the real one does: these two are right about a healthy account.
    others = 'ALERTS{account=~"demo|", alertname!~"OpenRouterModel(Retiring|Delisted)"}'
    assert [] == await server.vector(others)
    assert [] == await server.vector(f'count_over_time({others[:-1]}, alertstate="firing"}}[5m])')
