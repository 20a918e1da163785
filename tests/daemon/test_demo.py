"""`demo`: its output, and accounts that show an alert, a failure and a fault."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.daemon.conftest import PATIENCE, Samples, environment, run, samples, value
from tests.daemon.forked import forked


@asynccontextmanager
async def demonstrating(*options: str) -> AsyncIterator[tuple[Samples, str, list[str]]]:
    """Run `demo`, and return its samples after every collector's first poll, the simulator's URL and the output."""
    command = ("demo", "--web.listen-address=127.0.0.1:0", *options)
    lines: list[str] = []
    async with (
        forked(*command, variables=environment()) as process,
        asyncio.timeout(PATIENCE),
        aiohttp.ClientSession() as session,
    ):
        while not lines or not lines[-1].startswith("Landing page: "):
            lines.append((await process.stderr.readline()).decode())
        simulator, metrics = (_url(lines, label) for label in ("Simulated OpenRouter API", "Metrics"))
        async with session.get(metrics) as response:
            yield samples(await response.text()), simulator, lines


def _url(lines: list[str], label: str) -> str:
    match = re.search(rf"^{label}: (http[^ ,\n]+)", "".join(lines), re.MULTILINE)
    assert match is not None
    return match[1]


async def test_demo_prints_its_addresses_last() -> None:
    """They follow the log lines of the first polls. The simulator's address works with curl."""
    async with demonstrating() as (_, simulator, lines), aiohttp.ClientSession() as session:
        assert [False, True, True, True, True] == [not line.startswith("{") for line in lines[-5:]]
        async with session.get(f"{simulator}/credits", headers={"Authorization": "Bearer sk-or-v1-demo"}) as response:
            assert 200 == response.status


async def test_demo_has_accounts_that_raise_alerts() -> None:
    """One is near its budget and below its credit floor, and one has a key that the API rejects."""
    async with demonstrating() as (result, _, _):
        assert [1.0, 1.0, 0.0] == [
            value(result, "openrouter_up", account=account) for account in ("demo", "demo-budget", "demo-rejected")
        ]
        rejected = {"account": "demo-rejected", "operation": "activity", "code": "401"}
        assert value(result, "openrouter_exporter_api_responses_total", **rejected)
        month = {"account": "demo-budget", "budget": "month", "period": "month"}
        spent, limit = (value(result, f"openrouter_budget_{name}_usd", **month) for name in ("spent", "limit"))
        assert 0 < (spent or 0.0) < 0.98 * (limit or 0.0)  # 97 % once the day is over
        balance = value(result, "openrouter_credits_balance_usd", account="demo-budget") or 0.0
        assert balance < (value(result, "openrouter_threshold_credits_floor_usd", account="demo-budget") or 0.0)


async def test_demo_injects_faults() -> None:
    """The simulator of all accounts has them."""
    async with demonstrating("--fault=status-404") as (result, _, _):
        assert {0.0} == {number for (name, _), number in result.items() if name == "openrouter_up"}


async def test_unknown_fault_of_the_demo_is_wrong_usage() -> None:
    code, _, err = await run("demo", "--fault=nonsense")
    assert (2, True) == (code, "openrouter-exporter demo: argument --fault: unknown fault 'nonsense'" in err)
