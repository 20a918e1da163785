"""Signals while modules are imported, while the daemon starts, and after SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.simulator.application import Running
from tests.daemon.conftest import KEY, PATIENCE, environment, serving

# Sends this process a signal when it begins to import a module.
SIGNALLED_IMPORT = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r} and self in sys.meta_path:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
from exporter.startup import main
main()
"""
MODULES = ("exporter.options", "exporter.daemon.process", "exporter.web.server")


async def start(module: str, number: signal.Signals, *arguments: str) -> asyncio.subprocess.Process:
    script = SIGNALLED_IMPORT.format(module=module, number=int(number))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        *arguments,
        env=environment(OPENROUTER_API_KEY=KEY),
        stderr=asyncio.subprocess.PIPE,
    )


def arguments(configuration: Path) -> tuple[str, ...]:
    return "serve", f"--config.file={configuration}", "--web.listen-address=127.0.0.1:0", "--log.format=json"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stop_signal_during_import_exits_with_0(
    simulator: Running, write_configuration: Callable[..., Path], module: str, number: signal.Signals
) -> None:
    """No traceback is printed."""
    process = await start(module, number, *arguments(write_configuration(simulator.url)))
    async with asyncio.timeout(PATIENCE):
        _, err = await process.communicate()
    assert (0, b"") == (process.returncode, err)


@pytest.mark.parametrize("module", MODULES)
async def test_sighup_during_import_does_not_end_the_process(
    simulator: Running, write_configuration: Callable[..., Path], module: str
) -> None:
    """The configuration has not been read yet."""
    process = await start(module, signal.SIGHUP, *arguments(write_configuration(simulator.url)))
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        first = json.loads(await process.stderr.readline())
        process.terminate()
        await process.communicate()
    assert ("started", 0) == (first["event"], process.returncode)


async def test_sighup_after_sigterm_keeps_the_exit_code_0(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """Signals are sent until the process has ended."""
    async with serving(write_configuration(simulator.url)) as daemon:
        daemon.process.terminate()
        async with asyncio.timeout(PATIENCE):
            while daemon.process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(daemon.process.pid, signal.SIGHUP)  # not send_signal, which would take the exit code
                await asyncio.sleep(0.002)  # handlers of a flood would nest without end
        assert 0 == daemon.process.returncode


async def test_once_ends_by_sigterm_with_its_exit_code() -> None:
    """An interrupted `once` has not succeeded."""
    process = await start("exporter.options", signal.SIGTERM, "once")
    async with asyncio.timeout(PATIENCE):
        await process.communicate()
    assert -signal.SIGTERM == process.returncode
