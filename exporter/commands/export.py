"""The command `export`: past days of all accounts in one file, whole or not at all."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, NoReturn

import aiohttp

from exporter import log
from exporter.api.client import Client
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.api.session import open_session
from exporter.clock import Clock
from exporter.collectors import registry
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.diagnostics import closest, few
from exporter.errors import CatalogueError, ExportError, PollError, SecretError, UsageError
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.history.account_source import ACTIVITY_REACH, AccountSource, WantedDays
from exporter.history.csv_format import UsageTable
from exporter.history.focus_format import FocusTable
from exporter.history.history_format import HistoryFormat
from exporter.history.list_prices import ListPrices
from exporter.history.openmetrics import OpenMetricsHistory
from exporter.history.output import STDOUT, Output, opened
from exporter.history.past_year import REACH
from exporter.history.progress import Progress
from exporter.options import Options
from exporter.polling.hints import hint
from exporter.streams import complain

MOST_SHOWN = 10
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class FormatKind:
    """A format: `reach` is how far back it goes; `make` creates it, given the names of the configuration's labels."""

    reach: timedelta
    make: Callable[[Options, Output, Sequence[str], Clock], HistoryFormat]


FORMATS = {
    "openmetrics": FormatKind(REACH, OpenMetricsHistory),
    "csv": FormatKind(ACTIVITY_REACH, UsageTable),
    "focus": FormatKind(ACTIVITY_REACH, FocusTable),
}
# Options that only some formats have: their field, and the formats.
_OPTIONS_OF_FORMATS: Mapping[str, tuple[str, Sequence[str]]] = {
    "--label": ("labels", ("openmetrics", "focus")),
    "--step": ("step", ("openmetrics",)),
    "--by": ("export_period", ("csv",)),
}


def run_until_signal(options: Options, write: Coroutine[Any, Any, Sequence[str]]) -> None:
    """Run `write_history` until a signal, and print its notes. Raise ExporterError."""
    with _stop_by_exception():
        try:
            notes = asyncio.run(write)
        except KeyboardInterrupt:
            raise ExportError(f"interrupted{_left(options.output)}") from None
    for note in notes:
        complain(note)


async def write_history(options: Options, configuration: Configuration, clock: Clock) -> Sequence[str]:
    """Write the file; return remarks and next steps for the user.

    Raise UsageError for options that contradict each other or the configuration, and ExporterError if the file cannot
    be complete; then no file is left behind.
    """
    kind, upstream = FORMATS[options.export_format], configuration.upstream
    _refuse_contradictions(options)
    wanted = WantedDays(options.first_day, options.last_day)
    wanted.check(clock.now().astimezone(UTC).date(), kind.reach, options.export_format)
    accounts = _chosen(options.account_names, configuration.accounts)
    longest_poll = upstream.retries.backoff.max_elapsed_time
    async with open_session(upstream) as session:
        prices = ListPrices(
            settings=configuration.catalogue,
            client=_client(None, upstream, session, clock),
            clock=clock,
            longest_poll=longest_poll,
        )
        with opened(options.output) as output, Progress(sys.stderr, output, len(accounts), clock) as progress:
            history = kind.make(options, output, configuration.allocations.labels, clock)
            for account in accounts:
                source = AccountSource(
                    account=account,
                    client=_client(account, upstream, session, clock),
                    clock=clock,
                    prices=prices,
                    longest_poll=longest_poll,
                    wanted=wanted,
                    progress=progress,
                )
                await _write_account(history, source, options.output)
            history.end()
    return history.notes()


async def _write_account(history: HistoryFormat, source: AccountSource, target: str) -> None:
    source.progress.start(source.account.name)
    try:
        await history.write(source)
    except (PollError, SecretError, ExportError) as error:
        advice = hint(error)
        message = f'account "{source.account.name}": {error}{f"; {advice}" if advice else ""}'
        raise ExportError(f"{message}{_left(target)}") from None
    except CatalogueError as error:
        advice = hint(error.cause, with_key=False) or "catalogue.enabled: false exports without list prices"
        raise ExportError(f"the public catalogue can't be read: {error}; {advice}{_left(target)}") from None


def _refuse_contradictions(options: Options) -> None:
    defaults = Options(command=options.command)
    for flag, (field, formats) in _OPTIONS_OF_FORMATS.items():
        if options.export_format not in formats and getattr(options, field) != getattr(defaults, field):
            raise UsageError(f"{flag}: only for --format={' and '.join(formats)}, not for {options.export_format}")
    names = [name for name, _ in options.labels]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--label {twice}: given more than once")


def _chosen(names: Sequence[str], accounts: Sequence[Account]) -> Sequence[Account]:
    known = {account.name: account for account in accounts}
    unknown = [name for name in names if name not in known]
    if unknown:
        meant = closest(unknown[0], known)
        advice = f"; did you mean {meant}?" if meant else f", which has {few([*known], MOST_SHOWN)}"
        raise UsageError(f"--account {unknown[0]}: not in the configuration{advice}")
    return [account for account in accounts if not names or account.name in names]


def _client(account: Account | None, upstream: Upstream, session: aiohttp.ClientSession, clock: Clock) -> Client:
    metrics = MetricsRegistry()  # the client needs one; it is not published
    name = None if account is None else account.name
    operations = registry.operations()
    return Client(
        session=session,
        upstream=upstream,
        key=None if account is None else account.key,
        clock=clock,
        metrics=ApiMetrics(metrics, name, operations),
        duration=RequestDuration(metrics, operations),
        log=log.logger(account=name),
    )


def _left(target: str) -> str:
    return "; the output is incomplete" if target == STDOUT else f"; {target} was not written"


@contextmanager
def _stop_by_exception() -> Iterator[None]:
    """Raise KeyboardInterrupt for each signal that ends a process, so that nothing half-written stays.

    An exception also ends a write that waits for the reader of a pipe; asyncio's own handler would not.
    """

    def stop(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
