"""Allocation labels in the running daemon."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from exporter.simulator.application import Running
from tests.daemon.conftest import disabled, serving, value
from tests.daemon.test_reload import post

ALLOCATIONS = """
allocations:
  labels: [team]
  rules:
    - {member: "ada@example.com", labels: {team: TEAM}}
"""


async def test_reload_changes_labels_and_nothing_personal_is_logged(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    path = write_patient_configuration(simulator.url)
    text = path.read_text().replace("activity: {interval: 1s", "activity: {split_by: member, interval: 1s")
    path.write_text(text.replace(disabled("activity"), disabled("activity", "keys")) + ALLOCATIONS)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_allocation_info", team="TEAM") == 1)
        path.write_text(path.read_text().replace("TEAM", "search"))
        assert (await post(daemon, "-/reload"))[0] == 200
        result = await daemon.until(lambda result: value(result, "openrouter_allocation_info", team="search") == 1)
        assert value(result, "openrouter_allocation_info", team="TEAM") is None
        assert not re.search(r"example\.com|Ada", "".join(daemon.lines))
        assert not [labels for _, labels in result if "example.com" in str(labels)]
