"""Runs an API whose rows change from response to response: every second time, one day is restated."""

from __future__ import annotations

import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import KEY, Running, listening, simulator

_FAULTS = ("[]", '[{"kind": "restated"}]')


@contextmanager
def changing_api(endpoints: int) -> Iterator[Running]:
    """Yield an API with so many endpoints on each of 30 days."""
    with tempfile.TemporaryDirectory() as folder:
        with simulator(endpoints) as api:
            for number, faults in enumerate(_FAULTS):
                _fetch(f"{api.origin}/_simulator/faults", faults.encode())
                (Path(folder) / f"{number}.json.gz").write_bytes(_fetch(f"{api.api}/activity"))
        with listening([sys.executable, "-m", "benchmarks.changing_api", folder], "listening on") as running:
            yield running


def _fetch(url: str, data: bytes | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310  # it is the simulator's
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        return bytes(response.read())
