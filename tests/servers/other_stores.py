"""Stores other than Prometheus: their programs and their recipes in the documentation."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.servers.programs import free_port, required, started
from tests.servers.prometheus import Prometheus
from tests.servers.shipped import ROOT

# A folder with the programs that are not the machine's own, where .ci/install-servers put them.
FOLDER = "OPENROUTER_TEST_STORES"
FOR_EVER = "100y"
PAGE = Page(ROOT / "docs/stores.md")


def store_program(name: str, *others: str, always: bool = True) -> str:
    """Return a program's path, of the folder or of the machine; skip the test without it.

    Fail instead where the folder is given in CI, unless the program is not `always` there.
    """
    folder = os.environ.get(FOLDER)
    path = os.pathsep.join(filter(None, (folder, os.environ.get("PATH", ""))))
    result = next((program for candidate in (name, *others) if (program := shutil.which(candidate, path=path))), None)
    if result is None and (folder is None or not always):
        pytest.skip(f"{name} isn't installed")
    return required(result, name)


def recipe(name: str, addresses: Mapping[str, str]) -> str:
    """Return the block of the page whose first line names this file, with addresses of the test."""
    (block,) = (body for body in PAGE.blocks("yaml") if body.startswith(f"# {name}\n"))
    for before, after in addresses.items():
        assert before in block, f"{name}: {before}"
        block = block.replace(before, after)
    return block.replace("scrape_interval: 1m", "scrape_interval: 1s")


@asynccontextmanager
async def victoria_metrics(folder: Path) -> AsyncIterator[Prometheus]:
    """Run VictoriaMetrics, which has the API of Prometheus."""
    address = f"127.0.0.1:{free_port()}"
    program = store_program("victoria-metrics")
    options = (
        f"-storageDataPath={folder / 'vm'}",
        f"-httpListenAddr={address}",
        f"-retentionPeriod={FOR_EVER}",
        "-search.latencyOffset=0s",
        # It remembers for up to ten seconds that a selector matches nothing, unless this cache is too small for it.
        "-storage.cacheSizeIndexDBTagFilters=1KiB",
    )
    async with started(f"http://{address}/health", folder / "victoria-metrics.log", program, *options):
        yield Prometheus(f"http://{address}")
