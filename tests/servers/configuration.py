"""The daemon's configuration for these tests: short intervals, and no limit that they would reach."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import yaml

from tests.daemon.conftest import CONFIGURATION, disabled


def write_configuration(
    path: Path, url: str, names: Collection[str], *, catalogue: bool = False, stale_after: str = "1h"
) -> None:
    """Write a configuration whose accounts share the simulator's key.

    Where a test does not wait for data to expire, they must not expire because a busy machine delays polls.
    """
    content = yaml.safe_load(CONFIGURATION.format(url=url, stale_after=stale_after, others=disabled("activity")))
    content["upstream"] |= {"requests_per_minute": 10_000, "retries": {"strategy": "none"}}
    content["catalogue"] = {"enabled": catalogue}
    content["accounts"] = [{"name": name, "api_key_env": "OPENROUTER_API_KEY"} for name in names]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
