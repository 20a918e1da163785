"""Processes of the exporter, forked by the fork server, with the interface of `asyncio.subprocess`."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Forked:
    """A running command."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def watch(self, status: asyncio.StreamReader) -> None:
        """Wait for the return code."""
        self.returncode = int(await status.readline())
        self._ended.set()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return the rest of both streams once the command has ended."""
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err


@asynccontextmanager
async def forked(*arguments: str, variables: Mapping[str, str], stdout: int | None = None) -> AsyncIterator[Forked]:
    """Run a command with this environment while the context lasts; its stdout goes to a descriptor if one is given."""
    async with _stream() as (out, its_out), _stream() as (err, its_err), _stream() as (status, its_status):
        descriptors = [its_out.fileno() if stdout is None else stdout, its_err.fileno(), its_status.fileno()]
        socket.send_fds(_server(), [json.dumps([arguments, dict(variables)]).encode()], descriptors)
        for its_end in (its_out, its_err, its_status):
            its_end.close()
        process = Forked(int(await status.readline()), out, err)
        watching = asyncio.create_task(process.watch(status))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            await watching


@asynccontextmanager
async def _stream() -> AsyncIterator[tuple[asyncio.StreamReader, socket.socket]]:
    """Return a reader and the other end."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        yield reader, theirs
    finally:
        writer.close()
        await writer.wait_closed()


@cache
def _server() -> socket.socket:
    """Start the fork server of these tests; it ends with them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.daemon.fork_server"]
    variables = os.environ | {"PYTHONUNBUFFERED": ""}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
