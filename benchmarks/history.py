"""`export` of 30 days for Prometheus: its time, its memory, and the usual way to such a file."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measures import Line, at_most, mebibytes, milliseconds, times
from benchmarks.processes import KEY, KEY_VARIABLE, ROOT, environment, exporter, log_progress, simulator, worker

ENDPOINTS = 40
USUAL_DAYS = 2  # the usual way takes minutes for all 30
FEW, MANY = 20, 200
MOST_SECONDS, MOST_MEMORY = 60.0, 150.0
FASTER = 10.0
SAME_MEMORY = 1.2
KIB = 1024
NO_LIMIT = "upstream: {{base_url: '{url}', requests_per_minute: 100000}}\naccounts: [{accounts}]\n"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export took: wall time and CPU time in seconds, memory in MiB, and the samples that it wrote."""

    seconds: float
    cpu: float
    memory: float
    samples: int


def measure() -> list[Line]:
    with simulator(ENDPOINTS) as api, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log_progress("history: 30 days")
        whole = min((_export(api.api, folder, 1, "5m") for _ in range(2)), key=lambda exported: exported.cpu)
        log_progress("history: the usual way")
        with worker("usual_history_worker", api.api, str(folder / "usual.txt")) as usual:
            other = usual.run(str(USUAL_DAYS))
        log_progress("history: many accounts")
        few, many = (_export(api.api, folder, accounts, "6h") for accounts in (FEW, MANY))
    size = f"{whole.samples / 1e6:.1f} million samples"
    what = f"`export` of 30 days, {ENDPOINTS} endpoints, a sample every 5 minutes, {size}"
    ratio = other["cpu"] / other["size"] / (whole.cpu / whole.samples)
    grown = many.memory / few.memory
    return [
        at_most(what, whole.seconds, MOST_SECONDS, milliseconds),
        at_most(f"{what}, memory", whole.memory, MOST_MEMORY, mebibytes),
        Line(
            f"{what}, CPU time per million samples",
            f"{1e6 * whole.cpu / whole.samples:.2f} s",
            f"the SDK date by date, prometheus-client's writer, {USUAL_DAYS} days: "
            f"{1e6 * other['cpu'] / other['samples']:.2f} s",
            f"{times(ratio)} faster",
            f"≥ {FASTER:.0f} times faster",
            ratio >= FASTER,
        ),
        Line(
            f"memory of an export of {MANY} accounts",
            f"{many.memory:.0f} MiB",
            f"of {FEW} accounts: {few.memory:.0f} MiB",
            times(grown),
            f"≤ {times(SAME_MEMORY)}",
            grown <= SAME_MEMORY,
        ),
    ]


def _export(url: str, folder: Path, accounts: int, step: str) -> Exported:
    """Run the command to its end."""
    configuration, target = folder / "export.yaml", folder / "history.txt"
    keys = {f"{KEY_VARIABLE}_{number}": f"{KEY}-{number}" for number in range(accounts)}
    entries = ", ".join(f"{{name: account-{number}, api_key_env: {name}}}" for number, name in enumerate(keys))
    configuration.write_text(NO_LIMIT.format(url=url, accounts=entries), encoding="utf-8")
    first = datetime.now(UTC).date() - timedelta(days=30)
    command = [*exporter("export"), f"--config.file={configuration}", f"--from={first}", f"--step={step}"]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, f"--output={target}"], cwd=ROOT, env=environment() | keys, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    seconds = time.perf_counter() - begin
    with target.open("rb") as file:
        samples = sum(piece.count(b"\nopenrouter_") for piece in iter(lambda: file.read(1 << 24), b""))
    return Exported(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / KIB, samples)
