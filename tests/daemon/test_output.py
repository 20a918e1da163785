"""Commands whose output cannot be written."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.simulator.application import Running
from tests.daemon.conftest import KEY, PATIENCE, environment
from tests.daemon.forked import forked

LOST = "can't write the output: "


async def run(*arguments: str, stdout: int) -> tuple[int, str]:
    """Run a command with this stdout, and return its exit code and stderr."""
    command = forked(*arguments, variables=environment(OPENROUTER_API_KEY=KEY), stdout=stdout)
    async with command as process, asyncio.timeout(PATIENCE):
        _, err = await process.communicate()
        return await process.wait(), err.decode()


def start(*arguments: str, stdout: int, **variables: str) -> tuple[int, str]:
    """Run a command in a new Python process that obeys Python's own variables."""
    process = subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        env=environment(OPENROUTER_API_KEY=KEY, PYTHONUNBUFFERED="") | variables,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return process.returncode, process.stderr


@pytest.fixture
def full_device() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.fixture
def closed_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


commands = pytest.mark.parametrize("arguments", [("check-config",), ("--help",), ("serve", "--help"), ("--version",)])


@commands
async def test_full_device_is_an_error(arguments: tuple[str, ...], full_device: int) -> None:
    assert (1, f"{LOST}No space left on device\n") == await run(*arguments, stdout=full_device)


@commands
async def test_closed_pipe_is_an_error(arguments: tuple[str, ...], closed_pipe: int) -> None:
    assert (1, f"{LOST}Broken pipe\n") == await run(*arguments, stdout=closed_pipe)


def test_full_device_without_buffering_is_an_error(full_device: int) -> None:
    expected = (1, f"{LOST}No space left on device\n")
    assert expected == start("check-config", stdout=full_device, PYTHONUNBUFFERED="1")


async def test_simulator_that_cannot_print_its_address_stops(full_device: int) -> None:
    expected = (1, f"{LOST}No space left on device\n")
    assert expected == await run("simulate", "--web.listen-address=127.0.0.1:0", stdout=full_device)


async def test_once_reports_a_full_device(
    simulator: Running, write_configuration: Callable[..., Path], full_device: int
) -> None:
    file = write_configuration(simulator.url)
    expected = (1, f"{LOST}No space left on device\n")
    assert expected == await run("once", f"--config.file={file}", "--log.level=error", stdout=full_device)


async def test_once_reports_a_closed_pipe(
    simulator: Running, write_configuration: Callable[..., Path], closed_pipe: int
) -> None:
    file = write_configuration(simulator.url)
    expected = (1, f"{LOST}Broken pipe\n")
    assert expected == await run("once", f"--config.file={file}", "--log.level=error", stdout=closed_pipe)


def test_character_outside_the_encoding_of_stdout_is_escaped(tmp_path: Path) -> None:
    """Examples are a minus sign, or a letter in an account's name."""
    file, printed = tmp_path / "caf\N{LATIN SMALL LETTER E WITH ACUTE}.yaml", tmp_path / "stdout"
    file.write_text("accounts: [{name: a, api_key_env: OPENROUTER_API_KEY}]")
    with printed.open("wb") as stdout:
        ended = start("check-config", f"--config.file={file}", stdout=stdout.fileno(), PYTHONIOENCODING="ascii")
        assert (0, "") == ended
    assert f"{tmp_path}/caf\\xe9.yaml: valid, 1 account\n" == printed.read_text()


@pytest.mark.parametrize(("arguments", "code"), [(("check-config", "--config.file=/nowhere"), 1), (("frobnicate",), 2)])
def test_exit_code_is_kept_if_stderr_cannot_be_written(arguments: tuple[str, ...], code: int, full_device: int) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "exporter", *arguments], stderr=full_device, timeout=PATIENCE, check=False
    )
    assert code == process.returncode
