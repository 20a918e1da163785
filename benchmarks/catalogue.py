"""The public catalogue: 1,000 models, of which 100 are in use, decoded and published; and the same bytes again."""

from __future__ import annotations

from benchmarks.catalogue_worker import MODELS, PROVIDERS, USED
from benchmarks.measures import MIB, Line, at_most, mebibytes, median, milliseconds, times
from benchmarks.processes import log_progress, worker

ROUNDS = 9
MOST_CPU = 0.030
LONGEST_HOLD = 0.005
CHEAPER = 20.0
MOST_MEMORY = 3.0


def measure() -> list[Line]:
    new, again = [], []
    with worker("catalogue_worker") as ours:
        memory = ours.run("kept")["memory"]
        for number in range(ROUNDS):
            log_progress(f"catalogue: round {number + 1} of {ROUNDS}")
            new.append(ours.run("new"))
            again.append(ours.run("again"))
    cpu, same = (median([poll["cpu"] for poll in polls]) for polls in (new, again))
    hold = median([poll["hold"] for poll in new])
    size = new[0]["size"] / MIB
    what = f"a catalogue of {MODELS:,} models ({size:.1f} MiB compressed), {USED} of them in use"
    return [
        at_most(f"{what}, decoded and published, CPU time", cpu, MOST_CPU, milliseconds),
        at_most("the same, longest hold of the event loop", hold, LONGEST_HOLD, milliseconds),
        Line(
            "the same bytes again, CPU time",
            milliseconds(same),
            f"with new data: {milliseconds(cpu)}",
            f"{times(cpu / same)} cheaper",
            f"≥ {CHEAPER:.0f} times cheaper",
            cpu / same >= CHEAPER,
        ),
        at_most(f"memory on top for {USED} models with {PROVIDERS} endpoints each", memory, MOST_MEMORY, mebibytes),
    ]
