"""Processes of a benchmark: started on a port that is free, ended by their own id whatever happens."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
KEY_VARIABLE = "OPENROUTER_BENCHMARK_KEY"
KEY = "sk-or-v1-demo"
PATIENCE = 60.0  # seconds that a process may take to become ready
_PAUSE = 0.002
_CONFIGURATION = """\
upstream: {{base_url: "{url}", requests_per_minute: 100000}}
accounts: [{{name: benchmark, api_key_env: {variable}}}]
catalogue: {{enabled: false}}
collectors:
  activity: {{interval: {interval}, settle_delay: 0s, empty_day_after: 0s}}
  credits: {{enabled: false}}
  keys: {{enabled: false}}
  key: {{enabled: false}}
  today: {{enabled: false}}
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that is ready; `port` is where it listens on loopback."""

    pid: int
    port: int

    @property
    def origin(self) -> str:
        """Return the start of its URLs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """Return the base URL of a simulator."""
        return f"{self.origin}/api/v1"


class Worker:
    """A process that runs a job for each line it is sent, and responds with a line of JSON."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, job: str = "") -> dict[str, Any]:
        """Run a job once; return what it measured."""
        _file(self._process.stdin).write(f"{job}\n".encode())
        _file(self._process.stdin).flush()
        line = _file(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended early")
        return msgspec.json.decode(line, type=dict[str, Any])


def environment() -> dict[str, str]:
    """Return the environment of a benchmark's process: no settings from outside, and the key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENROUTER_")}
    return kept | {KEY_VARIABLE: KEY, "PYTHONPATH": str(ROOT)}


def free_port() -> int:
    """Return a free port, for programs that can't take port 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def started(arguments: Sequence[str], output: IO[bytes] | int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the context lasts."""
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process: politely, then at once."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def listening(arguments: Sequence[str], announcement: str) -> Iterator[Running]:
    """Run a program that prints where it listens, in a line that has `announcement` and then a port."""
    with tempfile.TemporaryFile() as output, started(arguments, output) as process:
        yield Running(process.pid, _announced_port(process, output, announcement))


def _announced_port(process: subprocess.Popen[bytes], output: IO[bytes], announcement: str) -> int:
    end_of_patience = time.monotonic() + PATIENCE
    while time.monotonic() < end_of_patience:
        text = os.pread(output.fileno(), 1 << 20, 0).decode(errors="replace")
        match = re.search(rf"{announcement}.*?127\.0\.0\.1:(\d+)", text)
        if match:
            return int(match[1])
        if process.poll() is not None:
            raise RuntimeError(f"{arguments_of(process)} ended with {process.returncode}:\n{text}")
        time.sleep(_PAUSE)
    raise RuntimeError(f"{arguments_of(process)} did not become ready")


def arguments_of(process: subprocess.Popen[bytes]) -> str:
    """Return a process's command line, for messages."""
    return " ".join(map(str, process.args)) if isinstance(process.args, Sequence) else str(process.args)


@contextmanager
def worker(module: str, *arguments: str) -> Iterator[Worker]:
    """Run one of the benchmarks' own modules as a worker."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Worker(process)
    finally:
        end(process)
        _file(process.stdin).close()
        _file(process.stdout).close()


@contextmanager
def simulator(endpoints: int | None = None, *, replay: Path | None = None) -> Iterator[Running]:
    """Run the API's simulator on so many endpoints, or on a recorded response; by default on the demo's data."""
    options = [] if endpoints is None else ["--endpoints", str(endpoints)]
    options += [] if replay is None else ["--replay", str(replay)]
    with listening(
        [*exporter("simulate"), "--web.listen-address", "127.0.0.1:0", *options], "Simulating the OpenRouter API"
    ) as running:
        yield running


def exporter(command: str) -> list[str]:
    """Return the start of a command line of ours."""
    return [sys.executable, "-m", "exporter", command]


@contextmanager
def daemon(url: str, *, interval: str = "15m") -> Iterator[Running]:
    """Run the daemon on an API."""
    with configured(url, interval=interval) as arguments, listening([*arguments, "127.0.0.1:0"], "started") as running:
        yield running


@contextmanager
def configured(url: str, *, interval: str = "15m") -> Iterator[list[str]]:
    """Yield the command line of a daemon but for the address that it listens on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.yaml"
        path.write_text(_CONFIGURATION.format(url=url, variable=KEY_VARIABLE, interval=interval), encoding="utf-8")
        yield [*exporter("serve"), "--config.file", str(path), "--web.listen-address"]


def _file(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def log_progress(line: str) -> None:
    """Print how far a run has come, to stderr."""
    print(line, file=sys.stderr, flush=True)
