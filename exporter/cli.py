"""The commands. Exit codes: 0 success, 1 configuration or run-time failure, 2 wrong usage."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from exporter.errors import ConfigurationError, ExporterError, Mistake, UsageError
from exporter.options import Options, parse
from exporter.streams import complain, finish_output, open_closed_streams, write_output

FAILED = 1
WRONG_USAGE = 2

# Each command imports what it needs when it runs: `healthcheck` runs every few seconds, and loading asyncio, aiohttp
# and structlog takes longer than its request; the daemon needs no simulator.


def main() -> NoReturn:
    """Run the command given on the command line."""
    open_closed_streams()
    try:
        code = run(parse(sys.argv[1:], os.environ))
    except SystemExit as parsed:  # after --help, --version or wrong usage
        code = int(parsed.code or 0)
    sys.exit(finish_output(code))


def run(options: Options) -> int:
    """Run a command; return its exit code."""
    try:
        if options.command == "healthcheck":
            return _healthcheck(options)
        from exporter import log

        log.configure(options.log_level, options.log_format)
        return _COMMANDS[options.command](options)
    except ExporterError as error:
        complain(str(error))
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        return 130


def _serve(options: Options) -> int:
    gc.disable()  # until freeze_gc: garbage collection would take a tenth of the start and free nothing
    import asyncio

    from exporter.config.shard import Shard
    from exporter.daemon.configuration_reader import ConfigurationReader
    from exporter.daemon.process import serve

    if options.shard_index >= options.shard_total:
        raise UsageError(
            f"openrouter-exporter serve: argument --shard.index: expected less than --shard.total "
            f"({options.shard_total}), got {options.shard_index}"
        )
    shard = Shard(index=options.shard_index, total=options.shard_total)
    asyncio.run(serve(options, ConfigurationReader(options.config_file, shard), shard=shard))
    return 0


def _demo(options: Options) -> int:
    gc.disable()
    import asyncio

    from exporter.commands.demo import demo

    asyncio.run(demo(options))
    return 0


def _check_config(options: Options) -> int:
    from exporter.daemon.configuration_reader import ConfigurationReader
    from exporter.web.reloading import LiveConfiguration

    mistakes: list[Mistake] = []
    accounts = 0
    try:
        configuration = ConfigurationReader(options.config_file)()
        accounts = len(configuration.accounts)
        mistakes += configuration.mistakes
    except ConfigurationError as error:
        mistakes += error.mistakes
    try:
        if options.web_config_file is not None:
            LiveConfiguration(options.web_config_file)
    except ConfigurationError as error:
        mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(tuple(mistakes))
    write_output(f"{options.config_file or 'environment'}: valid, {accounts} account{'' if accounts == 1 else 's'}")
    return 0


def _once(options: Options) -> int:
    import asyncio

    from exporter.commands.status_table import status_table
    from exporter.daemon.configuration_reader import ConfigurationReader
    from exporter.daemon.process import exposition_text, once

    show = exposition_text if options.once_format == "metrics" else lambda exporter: status_table(exporter.status())
    configuration = ConfigurationReader(options.config_file)()
    text, succeeded = asyncio.run(once(configuration, options.log_level, show))
    write_output(text.removesuffix("\n"))
    return 0 if succeeded else FAILED


def _export(options: Options) -> int:
    from exporter.clock import SystemClock
    from exporter.commands.export import run_until_signal, write_history
    from exporter.daemon.configuration_reader import ConfigurationReader

    if options.of_demo:
        from exporter.commands.demo_history import write_demo_history

        run_until_signal(options, write_demo_history(options))
        return 0
    configuration = ConfigurationReader(options.config_file)()
    if configuration.mistakes and not options.account_names:
        raise ConfigurationError(configuration.mistakes)  # an account would be missing from the file
    run_until_signal(options, write_history(options, configuration, SystemClock()))
    return 0


def _rules(options: Options) -> int:
    from exporter.commands.rules import write_rules
    from exporter.daemon.configuration_reader import ConfigurationReader

    write_output(write_rules(options, ConfigurationReader(options.config_file)).removesuffix("\n"))
    return 0


def _simulate(options: Options) -> int:
    import asyncio

    from exporter.commands.demo import simulate

    asyncio.run(simulate(options))
    return 0


def _healthcheck(options: Options) -> int:
    from exporter.commands.healthcheck import check

    verdict = check(options)
    (write_output if verdict.healthy else complain)(verdict.text)
    return 0 if verdict.healthy else FAILED


_COMMANDS: dict[str, Callable[[Options], int]] = {
    "serve": _serve,
    "demo": _demo,
    "check-config": _check_config,
    "once": _once,
    "export": _export,
    "rules": _rules,
    "simulate": _simulate,
}
