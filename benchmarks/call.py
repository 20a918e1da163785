"""What one call takes: time, CPU time, and memory over what there was before."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.measures import forget_peak, peak, resident


class Meter:
    """Measures what is done in its context; afterwards `result` has seconds, CPU seconds and MiB."""

    def __init__(self) -> None:
        self.result: dict[str, float] = {}

    def __enter__(self) -> Self:
        gc.collect()
        forget_peak()
        self._before = resident()
        self._cpu = time.process_time()
        self._begin = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.result = {
            "seconds": time.perf_counter() - self._begin,
            "cpu": time.process_time() - self._cpu,
            "memory": peak() - self._before,
            "before": self._before,
        }


def run_jobs(call: Callable[[str], dict[str, float]]) -> None:
    """Call once for each line of standard input, and print the result as a line of JSON."""
    for line in sys.stdin:
        sys.stdout.buffer.write(msgspec.json.encode(call(line.strip())) + b"\n")
        sys.stdout.buffer.flush()
