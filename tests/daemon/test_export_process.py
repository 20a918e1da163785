"""`export` as a process: interrupted, or with an output that cannot be written."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.daemon.conftest import KEY, PATIENCE, environment, until_requested
from tests.daemon.forked import Forked, forked

LITTLE = 64 * 1024


def export(configuration: Path, *options: str, stdout: int | None = None) -> AbstractAsyncContextManager[Forked]:
    """Run an export."""
    command = ("export", f"--config.file={configuration}", *options)
    return forked(*command, variables=environment(OPENROUTER_API_KEY=KEY), stdout=stdout)


async def ended(process: Forked | asyncio.subprocess.Process) -> tuple[int, str]:
    """Return the exit code and the last line on stderr."""
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return await process.wait(), err.decode().splitlines()[-1]


@pytest.fixture
def configuration(simulator: Running, write_patient_configuration: Callable[[str], Path]) -> Path:
    return write_patient_configuration(simulator.url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signal_while_the_api_is_read_leaves_no_file(
    simulator: Running, configuration: Path, tmp_path: Path, number: signal.Signals
) -> None:
    simulator.faults.replace(parse_fault("hang"))
    folder = tmp_path / "output"
    folder.mkdir()
    async with export(configuration, f"--output={folder / 'history.txt'}") as process:
        await until_requested(simulator)
        process.send_signal(number)
        assert (1, f"interrupted; {folder / 'history.txt'} was not written") == await ended(process)
    assert [] == list(folder.iterdir())


async def test_signal_while_the_pipe_is_full_ends_the_export(configuration: Path) -> None:
    reading, writing = os.pipe()
    async with export(configuration, "--step=1m", stdout=writing) as process:
        os.close(writing)
        await asyncio.to_thread(os.read, reading, 1)  # it has begun to write, and the pipe is full soon
        process.send_signal(signal.SIGINT)
        assert (1, "interrupted; the output is incomplete") == await ended(process)
    os.close(reading)


async def test_full_disk_leaves_no_file(configuration: Path, tmp_path: Path) -> None:
    folder = tmp_path / "output"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exporter", "export", f"--config.file={configuration}"),
        f"--output={folder / 'history.txt'}",
        env=environment(OPENROUTER_API_KEY=KEY),
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LITTLE, LITTLE)),
    )
    assert (1, f"can't write {folder / 'history.txt'}: File too large") == await ended(process)
    assert [] == list(folder.iterdir())


async def test_closed_pipe_is_an_error(configuration: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with export(configuration, stdout=writing) as process:
        os.close(writing)
        assert (1, "can't write the output: Broken pipe") == await ended(process)


async def test_stdout_that_the_parent_closed_is_an_error(configuration: Path) -> None:
    """The output would be lost."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "exporter", "export"),
        *(f"--config.file={configuration}", "--output=-", "--step=1h"),
        env=environment(OPENROUTER_API_KEY=KEY),
        stderr=asyncio.subprocess.PIPE,
    )
    assert (1, "can't write the output: Bad file descriptor") == await ended(process)


async def test_wrong_usage_of_export_exits_with_2(configuration: Path) -> None:
    async with export(configuration, "--from=2026-11-02", "--to=2026-11-01") as process:
        assert (2, "--to 2026-11-01 is before --from 2026-11-02") == await ended(process)


async def test_malformed_day_is_named_in_the_error(configuration: Path) -> None:
    async with export(configuration, "--from=yesterday") as process:
        code, _ = await ended(process)
    assert 2 == code


async def test_export_of_the_demo_needs_no_key_and_no_configuration(tmp_path: Path) -> None:
    target = tmp_path / "history.txt.gz"
    options = ("--demo", "--account=demo", "--step=6h", f"--output={target}")
    async with export(tmp_path / "absent", *options) as process:
        code, _ = await ended(process)
    assert 0 == code
    assert target.stat().st_size > LITTLE
