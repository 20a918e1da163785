"""Budgets while the API fails for hours: each keeps its last values until they are too old."""

from __future__ import annotations

from dataclasses import replace

from exporter.collectors.budgets.budgets_collector import BudgetsCollector, BudgetsSettings
from exporter.config.budget_settings import ConfiguredBudget
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.polling.harness import polling

FAILING = parse_fault("status-500")


async def test_budgets_expire_one_after_another_while_all_polls_fail(simulator: Running) -> None:
    """One was read at noon and the other half an hour later, and each stays for an hour."""
    month = ConfiguredBudget(name="month", period="month", limit_usd=100)
    research = ConfiguredBudget(name="research", period="month", limit_usd=100, workspace="Research")
    settings = BudgetsSettings(stale_after=3600.0, include_openrouter=False)
    async with polling(BudgetsCollector("default", settings, (month, research)), simulator.url) as observed:

        async def series(after: float) -> int:
            await observed.poll(after=after)
            return observed.store.series("default", "budgets", observed.clock.monotonic())

        both = await series(0)
        simulator.faults.replace(replace(FAILING, path="/workspaces"))
        assert both == await series(1800)
        simulator.faults.replace(FAILING)
        by_minute = {minute: await series(300) for minute in range(35, 100, 5)}
        one = by_minute[60]
        assert 0 < one < both
        assert by_minute == {minute: both if minute < 60 else one if minute < 90 else 0 for minute in range(35, 100, 5)}
