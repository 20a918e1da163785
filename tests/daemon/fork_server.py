"""A process that has imported the exporter, and forks for each command.

Importing takes half a second of CPU, a fork takes a hundredth of it. A command is a process of its own all the same,
with its own arguments, environment, streams and signals. Tests of how a process starts run `python -m exporter`.

    message: JSON [arguments, environment], with the descriptors of stdout, stderr and status
    status:  a line with the process id, then one with the return code
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from exporter import startup

LONGEST_MESSAGE = 2**20
DESCRIPTORS = 3
IMPORTED = (
    "exporter.cli",
    "exporter.commands.demo",
    "exporter.commands.export",
    "exporter.commands.healthcheck",
    "exporter.commands.status_table",
    "exporter.daemon.configuration_reader",
    "exporter.daemon.process",
    "exporter.web.reloading",
)


def main() -> None:
    """Serve the socket that is stdin until its other end is closed."""
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as control:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, LONGEST_MESSAGE, DESCRIPTORS)
            if not message:
                break
            if os.fork() == 0:
                control.close()
                _supervise(message, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            _reap(os.WNOHANG)
    _reap()


def _reap(options: int = 0) -> None:
    """Wait for supervisors that have ended, or for all: what they used is then counted as used by this process."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options) != (0, 0):
            pass


def _supervise(message: bytes, stdout: int, stderr: int, status: int) -> NoReturn:
    """Fork the command's process, and report its id and its return code."""
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    process = os.fork()
    if process == 0:
        os.close(status)
        _become(*json.loads(message))
    os.close(1)
    os.close(2)
    os.write(status, b"%d\n" % process)
    _, ended = os.waitpid(process, 0)
    os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Run a command as `python -m exporter` does."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    startup.main()


if __name__ == "__main__":
    main()
