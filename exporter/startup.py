"""The entry point. It handles signals before it imports anything else, because imports take a good part of a second."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

DAEMONS = {"serve", "demo", "simulate"}  # other commands end by a signal as any program does


def main() -> NoReturn:
    """Run the command given on the command line."""
    if DAEMONS.intersection(sys.argv[1:]):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the configuration will be read anyway
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
    from exporter import cli  # noqa: PLC0415 — only once signals are handled

    cli.main()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """End a daemon that has not started: nothing has to be finished."""
    sys.exit(0)
