"""`python -m benchmarks [NAME…]`: one table; exit 1 if a target is missed, 2 if it cannot run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

from benchmarks import accounts, catalogue, everyday, history, large, memory, poll, responsive, scrape, start, unchanged
from benchmarks.measures import Line, table
from benchmarks.processes import log_progress

BENCHMARKS: dict[str, Callable[[], list[Line]]] = {
    # First: the peak memory of a process includes what its parent held when it was started.
    "history": history.measure,
    "scrape": scrape.measure,
    "everyday": everyday.measure,
    "poll": poll.measure,
    "unchanged": unchanged.measure,
    "catalogue": catalogue.measure,
    "responsive": responsive.measure,
    "start": start.measure,
    "memory": memory.measure,
    "accounts": accounts.measure,
    "large": large.measure,
}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        log_progress(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    absent = [program for program in scrape.PROGRAMS if shutil.which(program) is None]
    if absent and (not names or "scrape" in names):
        others = " ".join(name for name in BENCHMARKS if name != "scrape")
        log_progress(
            f"not installed: {', '.join(absent)} (Debian: nginx-light, wrk). Without: python -m benchmarks {others}"
        )
        return 2
    lines = [line for name in names or BENCHMARKS for line in BENCHMARKS[name]()]
    print(table(lines))
    return int(any(line.ok is False for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
