"""The commands. Exit codes: 0 done, 1 a configuration or run-time failure, 2 wrong usage."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from exporter import log
from exporter.errors import ConfigurationError, ExporterError, Mistake, UsageError
from exporter.options import Options, parse

FAILED = 1
WRONG_USAGE = 2


def main() -> NoReturn:
    """Run the command that the command line names."""
    fill_in_closed_streams()
    options = parse(sys.argv[1:], os.environ)
    log.configure(options.log_level, options.log_format)  # type: ignore[arg-type]  # checked by the parser
    sys.exit(run(options))


def fill_in_closed_streams() -> None:
    """Open what the parent closed of the three standard streams: Python leaves them None, their numbers to others."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 — it stays open  # noqa: SIM115 — open until the process ends


def run(options: Options) -> int:
    """Run a command; return its exit code."""
    try:
        return asyncio.run(_COMMANDS[options.command](options))
    except UsageError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except ExporterError as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


# A command imports what it needs when it runs: `healthcheck` runs every few seconds, the daemon needs no simulator.


async def _serve(options: Options) -> int:
    from exporter.daemon.process import read_configuration, serve

    await serve(options, partial(read_configuration, options.config_file))
    return 0


async def _demo(options: Options) -> int:
    from exporter.commands.demo import demo

    await demo(options)
    return 0


async def _check_config(options: Options) -> int:
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


async def _once(options: Options) -> int:
    from exporter.daemon.process import once, read_configuration

    text, succeeded = await once(read_configuration(options.config_file), options.log_level)
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0 if succeeded else FAILED


async def _simulate(options: Options) -> int:
    from exporter.commands.demo import simulate

    await simulate(options)
    return 0


async def _healthcheck(options: Options) -> int:
    from exporter.commands.healthcheck import check

    verdict = await check(options)
    print(verdict.text, file=sys.stdout if verdict.healthy else sys.stderr)
    return 0 if verdict.healthy else FAILED


_COMMANDS: dict[str, Callable[[Options], Coroutine[Any, Any, int]]] = {
    "serve": _serve,
    "demo": _demo,
    "check-config": _check_config,
    "once": _once,
    "simulate": _simulate,
    "healthcheck": _healthcheck,
}
