"""A reload that changes the split leaves no series of the old one, because sums would count both."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.daemon.conftest import Daemon, Samples, serving, usage, value

REQUESTS = "openrouter_activity_30d_requests"
LABELS = {"key", "user_id", "workspace_id"}


def splits(result: Samples) -> set[str]:
    """Return the labels by which usage is split."""
    return {name for (family, labels) in result if family == REQUESTS for name, _ in labels} & LABELS


def change(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


async def reloaded(daemon: Daemon, path: Path, old: str, new: str) -> None:
    """Change the configuration and reload it."""
    change(path, old, new)
    daemon.lines.clear()
    daemon.process.send_signal(signal.SIGHUP)
    await daemon.until_logged("reloaded")


async def test_reload_replaces_the_series_of_the_old_split(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    """The old series disappear at once, and the new ones add up to the same total."""
    path = write_patient_configuration(simulator.url)  # a split by key is a request for each key
    async with serving(path) as daemon:
        whole = value(await daemon.until(usage_is_there), REQUESTS)
        before = "empty_day_after: 0s"
        for split_by, label in (("api_key", "key"), ("member", "user_id"), ("workspace", "workspace_id")):
            simulator.faults.replace(parse_fault("status-500"))
            await reloaded(daemon, path, before, f"empty_day_after: 0s, split_by: {split_by}")
            assert {} == usage(await daemon.scrape())
            simulator.faults.replace()
            result = await daemon.until(usage_is_there)
            assert {label} == splits(result)
            assert whole == value(result, REQUESTS)
            before = f"empty_day_after: 0s, split_by: {split_by}"


def usage_is_there(result: Samples) -> bool:
    return bool(usage(result))
