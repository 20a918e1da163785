"""The simulator of the API on loopback, alone (`simulate`) or with the daemon beside it (`demo`)."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from exporter.clock import Clock, SystemClock
from exporter.collectors import registry
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.presets import PresetName
from exporter.collectors.credits import CreditsSettings
from exporter.collectors.today import TodaySettings
from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.catalogue_settings import CatalogueEndpointsSettings, CatalogueSettings
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.config.thresholds import Thresholds
from exporter.daemon.process import serve
from exporter.daemon.signals import stop_signals
from exporter.errors import ExporterError, UsageError
from exporter.options import Options
from exporter.simulator.accounts import seed_of_account
from exporter.simulator.application import running
from exporter.simulator.faults import Fault, parse_fault
from exporter.simulator.replay import Recording, read_recording
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import DEFAULT_ENDPOINTS, DEFAULT_SEED, SimulatedAccount
from exporter.streams import complain, write_output

DEMO_KEY = "sk-or-v1-demo"
DEMO_INTERVAL = 15.0
ACTIVITY = ActivitySettings(interval=DEMO_INTERVAL, settle_delay=0.0, empty_day_after=0.0)
HIGH_CREDITS_FLOOR = 10_000.0  # more than a simulated account has left
LARGE_BUDGET = 10_000.0  # far from being spent in a day

# The account spends 60 to 225 USD a day: the first is well used by the end of a busy day, the second never.
BUDGETS = (
    ConfiguredBudget(name="day", period="day", limit_usd=300.0),
    ConfiguredBudget(name="month", period="month", limit_usd=20_000.0),
)

# One of the keys that spend, in the workspace Customers, has no team.
ALLOCATIONS = Allocations(
    labels=("team", "cost_center"),
    rules=(
        AllocationRule(key=re.compile("production"), labels={"team": "search", "cost_center": "4711"}),
        AllocationRule(workspace=re.compile("Research"), labels={"team": "research", "cost_center": "4712"}),
        AllocationRule(key=re.compile("staging"), workspace=re.compile("Default"), labels={"team": "platform"}),
        AllocationRule(app=re.compile("Support.*"), labels={"team": "support"}),
        AllocationRule(end_user=re.compile("customer-[0-2]"), labels={"team": "customers"}),
    ),
)

# Those of config/analytics.yaml.
PRESETS: tuple[PresetName, ...] = ("performance", "cost", "keys", "apps", "users")
QUERIES = (
    AnalyticsQuery(
        name="spend_by_country", metrics=("total_usage", "request_count"), dimensions=("country",), range="week"
    ),
)


async def demo(options: Options) -> None:
    """Run the daemon against a simulator in the same process, until a signal. Raise UsageError for a bad fault."""
    clock = SystemClock()
    rejected = Account(
        name="demo-rejected", key=_key("sk-or-v1-rejected"), collectors=registry.only(ACTIVITY, CreditsSettings())
    )
    async with running(SimulatorSettings(faults=_faults(options)), clock) as simulator:
        await serve(
            options,
            lambda: demo_configuration(simulator.url, account_with_budget(clock), rejected),
            partial(_print_addresses, options, simulator.url),
        )


def _print_addresses(options: Options, simulator: str, addresses: Sequence[str]) -> None:
    complain(f"Simulated OpenRouter API: {simulator}, management key {DEMO_KEY}")
    complain("Accounts: demo; demo-budget, whose budget is nearly spent; demo-rejected, whose key is invalid")
    for address in addresses:
        page = address.replace("[::]", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        complain(f"Metrics: {page.rstrip('/')}{options.telemetry_path}")
        complain(f"Landing page: {page} (Ctrl-C stops the demo)")


def demo_configuration(url: str, *others: Account) -> Configuration:
    """Return an account on the simulator, polled often so that there is something to see, and others beside it."""
    collectors = registry.configured(
        ACTIVITY,
        TodaySettings(interval=DEMO_INTERVAL),
        AnalyticsSettings(interval=4 * DEMO_INTERVAL, presets=PRESETS, queries=QUERIES),
    )
    return Configuration(
        upstream=Upstream(base_url=url, retries=Retries(backoff=Backoff(max_elapsed_time=DEMO_INTERVAL))),
        catalogue=CatalogueSettings(
            interval=4 * DEMO_INTERVAL, endpoints=CatalogueEndpointsSettings(interval=2 * DEMO_INTERVAL)
        ),
        allocations=ALLOCATIONS,
        accounts=(
            Account(name="demo", key=_key(DEMO_KEY), collectors=collectors, budgets=BUDGETS, allocations=ALLOCATIONS),
            *others,
        ),
    )


def account_with_budget(clock: Clock) -> Account:
    """Return an account whose budget is nearly spent and whose credit is low, so that the shipped alerts fire."""
    return Account(
        name="demo-budget",
        key=_key(f"{DEMO_KEY}-budget"),
        collectors=registry.configured(ACTIVITY),
        thresholds=Thresholds(credits_floor_usd=HIGH_CREDITS_FLOOR),
        labels={"team": "labs"},
        allocations=ALLOCATIONS,
        budgets=(
            ConfiguredBudget(name="month", period="month", limit_usd=_nearly_spent("budget", clock)),
            ConfiguredBudget(name="day", period="day", limit_usd=LARGE_BUDGET),
        ),
    )


def _nearly_spent(account: str, clock: Clock) -> float:
    """Return a limit of which the month, today included as a whole, spends 97 %."""
    simulated = SimulatedAccount(seed_of_account(DEFAULT_SEED, account), DEFAULT_ENDPOINTS)
    today = clock.now().date()
    days = (today.replace(day=day) for day in range(1, today.day + 1))
    rows = (row for day in days for row in simulated.rows_of_day(day))
    return round(math.fsum(row.usage + (row.byok_usage_inference or 0.0) for row in rows) / 0.97, 2)


def _key(text: str) -> EnvironmentSecret:
    return EnvironmentSecret("DEMO_KEY", {"DEMO_KEY": text})


async def simulate(options: Options) -> None:
    """Run only the simulator, until a signal. Raise UsageError for a bad fault, ExporterError for a bad recording."""
    settings = SimulatorSettings(
        seed=DEFAULT_SEED if options.seed is None else options.seed,
        endpoints=options.endpoints or DEFAULT_ENDPOINTS,
        faults=_faults(options),
        replay=None if options.replay is None else _recording(options.replay),
    )
    with stop_signals() as stopped:
        async with contextlib.AsyncExitStack() as stack:
            for address in options.simulator_addresses:
                try:
                    server = await stack.enter_async_context(
                        running(settings, SystemClock(), address.host or "127.0.0.1", address.port)
                    )
                except OSError as error:
                    raise ExporterError(f"can't listen on {address}: {error.strerror}") from None
                write_output(f"Simulating the OpenRouter API on {server.url}, management key {DEMO_KEY}")
            await stopped.wait()


def _faults(options: Options) -> tuple[Fault, ...]:
    try:
        return tuple(parse_fault(text) for text in options.faults)
    except ValueError as error:
        raise UsageError(f"openrouter-exporter {options.command}: argument --fault: {error}") from None


def _recording(path: Path) -> Recording:
    try:
        return read_recording(path)
    except ExporterError as error:
        raise ExporterError(f"--replay: {error}") from None
