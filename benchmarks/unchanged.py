"""A poll that brings the same bytes as the last, as 95 of 96 a day do, against the vendor's own client's call.

Ours includes the fetch over loopback, which is most of it. "Cheaper" is about CPU time; the wall clock is beside it.
"""

from __future__ import annotations

from benchmarks.measures import Line, median, milliseconds, times
from benchmarks.processes import say, simulator, worker

ENDPOINTS = 3334
CALLS = 7
CHEAPER = 40.0


def measure() -> list[Line]:
    found: dict[str, list[dict[str, float]]] = {"ours": [], "sdk": []}
    with (
        simulator(ENDPOINTS) as api,
        worker("polling_worker", api.api) as ours,
        worker("sdk_worker", api.api) as sdk,
    ):
        ours.ask("new")
        for turn in range(CALLS):
            say(f"unchanged: round {turn + 1} of {CALLS}")
            found["ours"].append(ours.ask("again"))
            found["sdk"].append(sdk.ask())
    rows = int(found["sdk"][0]["size"])
    lines = []
    for kind, name in (("cpu", "CPU time"), ("seconds", "wall clock")):
        cheaper = median([b[kind] / a[kind] for a, b in zip(found["ours"], found["sdk"], strict=True)])
        here, there = (median([each[kind] for each in found[who]]) for who in ("ours", "sdk"))
        judged = kind == "cpu"
        lines.append(
            Line(
                f"a poll that brings the same {rows:,} rows again, {name}",
                milliseconds(here),
                f"SDK's call: {milliseconds(there)}",
                f"{times(cheaper)} cheaper",
                f"≥ {CHEAPER:.0f} times cheaper" if judged else "",
                cheaper >= CHEAPER if judged else None,
            )
        )
    return lines
