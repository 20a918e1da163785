"""The built-in default: the simulator of the API, alone or with the daemon beside it, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from exporter.clock import SystemClock
from exporter.collectors import registry
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.analytics_settings import AnalyticsQuery, AnalyticsSettings
from exporter.collectors.today import TodaySettings
from exporter.config.configuration import Account, Backoff, Configuration, Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.process import serve
from exporter.daemon.signals import stop_signals
from exporter.errors import ExporterError, UsageError
from exporter.options import Options
from exporter.simulator.application import running
from exporter.simulator.faults import parse_fault
from exporter.simulator.replay import Recording, RecordingError, read_recording
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.usage import DEFAULT_ENDPOINTS, DEFAULT_SEED
from exporter.streams import complain, write_output

DEMO_KEY = "sk-or-v1-demo"
DEMO_INTERVAL = 15.0
HOUR, DAY = 3600.0, 86_400.0

# Those of config/analytics.yaml.
QUERIES = (
    AnalyticsQuery(
        name="performance",
        metrics=("p50_latency", "p99_latency", "p50_throughput", "request_count"),
        dimensions=("model", "provider"),
        range=HOUR,
    ),
    AnalyticsQuery(
        name="spend_by_key", metrics=("total_usage", "request_count"), dimensions=("api_key_id",), range=DAY
    ),
    AnalyticsQuery(
        name="cache_by_model",
        metrics=("cache_hit_rate", "cached_tokens", "tokens_prompt"),
        dimensions=("model",),
        range=DAY,
    ),
)


async def demo(options: Options) -> None:
    """Run the daemon against a simulator in the same process, until a signal."""
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        await serve(options, partial(demo_configuration, simulator.url), partial(_invite, options))


def _invite(options: Options, addresses: Sequence[str]) -> None:
    """Say where to look."""
    for address in addresses:
        page = address.replace("[::]", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        metrics = page.rstrip("/") + options.telemetry_path
        complain(f"Simulated account 'demo': {page} and {metrics} ; Ctrl-C ends it.")


def demo_configuration(url: str) -> Configuration:
    """Return one account on the simulator, polled often so that there is something to see."""
    collectors = registry.configured(
        ActivitySettings(interval=DEMO_INTERVAL, settle_delay=0.0, empty_day_after=0.0),
        TodaySettings(interval=DEMO_INTERVAL),
        AnalyticsSettings(enabled=True, interval=4 * DEMO_INTERVAL, queries=QUERIES),
    )
    return Configuration(
        upstream=Upstream(base_url=url, retries=Retries(backoff=Backoff(max_elapsed_time=DEMO_INTERVAL))),
        accounts=(
            Account(
                name="demo",
                key=EnvironmentSecret("DEMO_KEY", {"DEMO_KEY": DEMO_KEY}),
                collectors=collectors,
            ),
        ),
    )


async def simulate(options: Options) -> None:
    """Run only the simulator, until a signal. Raise UsageError for a bad fault, ExporterError for a bad recording."""
    try:
        faults = tuple(parse_fault(text) for text in options.faults)
    except ValueError as error:
        raise UsageError(f"openrouter-exporter simulate: argument --fault: {error}") from None
    settings = SimulatorSettings(
        seed=DEFAULT_SEED if options.seed is None else options.seed,
        endpoints=options.endpoints or DEFAULT_ENDPOINTS,
        faults=faults,
        replay=None if options.replay is None else _recording(options.replay),
    )
    with stop_signals() as stopped:
        async with contextlib.AsyncExitStack() as stack:
            for address in options.listen_addresses:
                try:
                    server = await stack.enter_async_context(
                        running(settings, SystemClock(), address.host or "127.0.0.1", address.port)
                    )
                except OSError as error:
                    raise ExporterError(f"can't listen on {address}: {error.strerror}") from None
                write_output(f"Simulating the OpenRouter API on {server.url}, management key {DEMO_KEY}")
            await stopped.wait()


def _recording(path: Path) -> Recording:
    try:
        return read_recording(path)
    except RecordingError as error:
        raise ExporterError(f"--replay: {error}") from None
