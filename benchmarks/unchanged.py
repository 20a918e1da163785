"""A poll that brings the same bytes as the last, as 95 of 96 a day do, against the vendor's own client's call.

Ours includes the fetch over loopback, which is most of it. "Cheaper" is about CPU time; the wall clock is beside it.
"""

from __future__ import annotations

from benchmarks.measures import Line, median, milliseconds, times
from benchmarks.processes import log_progress, simulator, worker

ENDPOINTS = 3334
CALLS = 7
CHEAPER = 40.0


def measure() -> list[Line]:
    by_process: dict[str, list[dict[str, float]]] = {"ours": [], "sdk": []}
    with (
        simulator(ENDPOINTS) as api,
        worker("polling_worker", api.api, "activity") as ours,
        worker("sdk_worker", api.api, "activity") as sdk,
    ):
        ours.run("new")
        for number in range(CALLS):
            log_progress(f"unchanged: round {number + 1} of {CALLS}")
            by_process["ours"].append(ours.run("again"))
            by_process["sdk"].append(sdk.run())
    rows = int(by_process["sdk"][0]["size"])
    lines = []
    for kind, name in (("cpu", "CPU time"), ("seconds", "wall clock")):
        cheaper = median([b[kind] / a[kind] for a, b in zip(by_process["ours"], by_process["sdk"], strict=True)])
        here, there = (median([call[kind] for call in by_process[who]]) for who in ("ours", "sdk"))
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
