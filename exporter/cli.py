"""The commands. Exit codes: 0 success, 1 configuration or run-time failure, 2 wrong usage."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from exporter.errors import ConfigurationError, ExporterError, Mistake, UsageError
from exporter.options import Options, parse

FAILED = 1
WRONG_USAGE = 2

# Each command imports what it needs when it runs: `healthcheck` runs every few seconds, and loading asyncio, aiohttp
# and structlog takes longer than its request; the daemon needs no simulator.


def main() -> NoReturn:
    """Run the command given on the command line."""
    open_closed_streams()
    options = parse(sys.argv[1:], os.environ)
    sys.exit(run(options))


def open_closed_streams() -> None:
    """Open /dev/null for each standard stream that the parent closed.

    Python leaves such a stream None, and its descriptor would go to the next file that is opened.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 — open until the process ends


def run(options: Options) -> int:
    """Run a command; return its exit code."""
    try:
        if options.command == "healthcheck":
            return _healthcheck(options)
        from exporter import log

        log.configure(options.log_level, options.log_format)
        return _COMMANDS[options.command](options)
    except UsageError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except ExporterError as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Stdout's reader has gone; without this, Python would report it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


def _serve(options: Options) -> int:
    import asyncio

    from exporter.daemon.process import read_configuration, serve

    asyncio.run(serve(options, partial(read_configuration, options.config_file)))
    return 0


def _demo(options: Options) -> int:
    import asyncio

    from exporter.commands.demo import demo

    asyncio.run(demo(options))
    return 0


def _check_config(options: Options) -> int:
    from exporter.daemon.process import read_configuration
    from exporter.web.reloading import LiveConfiguration

    mistakes: list[Mistake] = []
    accounts = 0
    try:
        accounts = len(read_configuration(options.config_file).accounts)
    except ConfigurationError as error:
        mistakes += error.mistakes
    try:
        if options.web_config_file is not None:
            LiveConfiguration(options.web_config_file)
    except ConfigurationError as error:
        mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(tuple(mistakes))
    print(f"{options.config_file or 'environment'}: valid, {accounts} account{'s' if accounts > 1 else ''}")
    return 0


def _once(options: Options) -> int:
    import asyncio

    from exporter.daemon.process import once, read_configuration

    text, succeeded = asyncio.run(once(read_configuration(options.config_file), options.log_level))
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0 if succeeded else FAILED


def _simulate(options: Options) -> int:
    import asyncio

    from exporter.commands.demo import simulate

    asyncio.run(simulate(options))
    return 0


def _healthcheck(options: Options) -> int:
    from exporter.commands.healthcheck import check

    verdict = check(options)
    print(verdict.text, file=sys.stdout if verdict.healthy else sys.stderr)
    return 0 if verdict.healthy else FAILED


_COMMANDS: dict[str, Callable[[Options], int]] = {
    "serve": _serve,
    "demo": _demo,
    "check-config": _check_config,
    "once": _once,
    "simulate": _simulate,
}
