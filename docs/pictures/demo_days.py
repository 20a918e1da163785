"""The days that pictures show: those of the demo, as the data of a Prometheus server."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import structlog

from tests.servers.history import write_blocks


@asynccontextmanager
async def demo_days(days: int, end: datetime | None = None) -> AsyncIterator[tuple[str, Path]]:
    """Write this many days up to `end` or now; yield the path of Prometheus, and the folder to run it in."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    program = shutil.which("prometheus")
    if program is None:
        sys.exit("prometheus and promtool must be installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await write_blocks(folder / "data", days, end)
        yield program, folder
