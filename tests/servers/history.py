"""Past days as Prometheus data: what the exporter would have published in each hour."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.commands.demo import demo_configuration
from exporter.daemon.exporter import Exporter
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.servers.programs import required
from tests.servers.prometheus import INSTANCE, JOB
from tests.support import FakeClock

STEP = timedelta(hours=1)
RECENT = timedelta(days=2)
# A sample an hour is a line to Prometheus, if it looks back that far.
LOOK_BACK = "--query.lookback-delta=65m"

_SAMPLE = re.compile(r"([\w:]+)(?:\{(.*)\})? (\S+)")
_ATTACHED = f'job="{JOB}",instance="{INSTANCE}"'


async def write_blocks(
    folder: Path,
    days: int,
    until: datetime | None = None,
    step: timedelta = STEP,
    old_step: timedelta | None = None,
) -> None:
    """Write this many days of demo data, the last sample of now, into a folder that can be Prometheus' own.

    `old_step` is the time between samples that are older than two days, `step` if not given. If it divides
    a day, there is still one whole days before now.
    """
    promtool = required(shutil.which("promtool"), "promtool")
    end = until or datetime.now(UTC)
    long = old_step or step
    clock = FakeClock(end)
    path = folder.parent / "history.txt"
    with path.open("w", encoding="utf-8") as file:
        async with running(SimulatorSettings(), clock) as simulator:
            # The account was opened when that of a demo that starts now was: its credits and keys are the same.
            clock.jump(end - timedelta(days=days))
            exporter = Exporter(demo_configuration(simulator.url), clock)
            try:
                while clock.now() <= end:
                    assert await exporter.poll_once()
                    text = exporter.scrape("", "", ()).body.decode()
                    file.writelines(_stamped(text, clock.now().timestamp()))
                    following = long if end - clock.now() >= RECENT + long else step
                    clock.advance(following.total_seconds())
            finally:
                await exporter.close()
        file.write("# EOF\n")
    command: list[str | Path] = [
        promtool,
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=720h",
        "openmetrics",
        path,
        folder,
    ]
    done = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    assert 0 == done.returncode, done.stderr[-1000:]
    path.unlink()


def _stamped(text: str, at: float) -> Iterator[str]:
    """Add the timestamp and the labels of the scrape to every sample."""
    yield f"up{{{_ATTACHED}}} 1 {at}\n"
    for line in text.splitlines():
        if match := _SAMPLE.fullmatch(line):
            name, labels, value = match.groups()
            yield f"{name}{{{f'{labels},' if labels else ''}{_ATTACHED}}} {value} {at}\n"
