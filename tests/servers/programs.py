"""The programs of the servers: their paths and versions, and how to run one while a test needs it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from tests.daemon.conftest import environment

PATIENCE = 60.0
PAUSE = 0.1
QUICK_PAUSE = 0.02  # where a request costs nothing
# Where .ci/install-servers put the program that is not the machine's own.
PROMETHEUS_3 = "OPENROUTER_TEST_PROMETHEUS_3"

_VERSION = re.compile(r"version (\d+)\.")
_Found = TypeVar("_Found")


def installed_prometheus(major: int) -> str | None:
    """Return the path of a Prometheus of this major version."""
    candidates = (shutil.which("prometheus"), os.environ.get(PROMETHEUS_3))
    return next((candidate for candidate in candidates if candidate and _major(candidate) == major), None)


def required(program: str | None, name: str) -> str:
    """Return the path of a program. Without it, skip the test, or fail where it is required."""
    if program is None:
        assert "true" != os.environ.get("CI"), f"{name} isn't installed, and CI must have it"
        pytest.skip(f"{name} isn't installed")
    return program


@cache
def _major(program: str) -> int:
    """Return the major version that the program reports."""
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    match = _VERSION.search(output.stdout + output.stderr)
    assert match is not None, output
    return int(match[1])


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def started(ready_url: str, log: Path, program: str, *arguments: str) -> AsyncIterator[None]:
    """Run a server while the context lasts, once it is ready."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, *arguments, env=environment(), stdout=output, stderr=output
        )
        try:
            await until(
                lambda: responds(ready_url), lambda responds: responds or process.returncode is not None, QUICK_PAUSE
            )
            assert process.returncode is None, f"{program} ended: {log.name} says why"
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def until(
    fetch: Callable[[], Awaitable[_Found]], wanted: Callable[[_Found], bool], pause: float = PAUSE
) -> _Found:
    """Repeat a request until the result satisfies `wanted`, and return it. After a timeout, fail with the last one."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not wanted(result := await fetch()):
        assert loop.time() < end, f"still {result!r}"
        await asyncio.sleep(pause)
    return result


async def responds(url: str) -> bool:
    """Return whether a server responds with success."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.ok
    except aiohttp.ClientConnectionError:
        return False
