"""What most users have: one account of ordinary size, the default collectors, a scrape a minute.

The hour is a sum of its parts: each default collector's polls at its interval, and 60 scrapes. The activity changes
once a day, so its polls bring nothing new; those of all others do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from benchmarks.measures import Line, median, milliseconds, times
from benchmarks.polling_worker import DEFAULTS
from benchmarks.processes import ROOT, log_progress, simulator, worker

RECORDED = ROOT.parent / "shared/recorded/activity-2026-04-22.json"
ROUNDS = 7
SCRAPES_PER_HOUR = 60
HOUR = 3600.0


def measure() -> list[Line]:
    lines = _recorded() if RECORDED.exists() else []
    with simulator() as api, worker("polling_worker", api.api, "defaults") as ours:
        new, again, scrapes = [], [], []
        parts: dict[str, list[float]] = {name: [] for name in DEFAULTS}
        for number in range(ROUNDS):
            log_progress(f"everyday: round {number + 1} of {ROUNDS}")
            for name, polls in parts.items():
                polls.append(ours.run(name)["cpu"])
            new.append(ours.run("new"))
            again.append(ours.run("again"))
            scrapes.append(ours.run("scrape")["cpu"])
    with simulator() as api, worker("polling_worker", api.api, "activity") as activity:
        activity.run("new")
        unchanged = [activity.run("again")["cpu"] for _ in range(ROUNDS)]
    fresh, same = (median([poll["cpu"] for poll in polls]) for polls in (new, again))
    what = f"CPU time of a poll by all {len(DEFAULTS)} default collectors, {int(new[0]['size']):,} series"
    hour = sum(
        HOUR / settings.interval * median(unchanged if name == "activity" else parts[name])
        for name, settings in DEFAULTS.items()
    )
    hour += SCRAPES_PER_HOUR * median(scrapes)
    return [
        *lines,
        Line(f"{what}, with new data", milliseconds(fresh), "", ""),
        Line(f"{what}, without", milliseconds(same), f"with new data: {milliseconds(fresh)}", _less(fresh / same)),
        Line(
            f"CPU time per hour, {SCRAPES_PER_HOUR} scrapes included",
            milliseconds(hour),
            "",
            f"{hour / HOUR:.4%} of a CPU",
        ),
    ]


def _recorded() -> list[Line]:
    """Compare polls of a recorded response with the vendor's client and with the usual way to the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recorded.json"
        path.write_bytes(_completed(RECORDED.read_bytes()))
        return _compared(path)


def _completed(content: bytes) -> bytes:
    """Return the last 30 days of a recording, with the fields without which the vendor's client reads no row."""
    rows = msgspec.json.decode(content)["data"]
    first = sorted({row["date"] for row in rows})[-30:][0]
    missing = {"endpoint_id": "", "model_permaslug": "", "provider_name": "", "cached_tokens": 0}
    return msgspec.json.encode({"data": [missing | row for row in rows if row["date"] >= first]})


def _compared(path: Path) -> list[Line]:
    by_process: dict[str, list[dict[str, float]]] = {"ours": [], "sdk": [], "usual": []}
    with (
        simulator(replay=path) as api,
        worker("polling_worker", api.api, "activity") as ours,
        worker("sdk_worker", api.api, "activity") as sdk,
        worker("usual_poll_worker", api.api) as usual,
    ):
        for number in range(ROUNDS):
            log_progress(f"recorded: round {number + 1} of {ROUNDS}")
            for name, process in (("ours", ours), ("sdk", sdk), ("usual", usual)):
                by_process[name].append(process.run("new"))
    rows = int(by_process["sdk"][0]["size"])
    lines = []
    for name, label in (("sdk", "SDK's call alone"), ("usual", "the usual way to the same bytes")):
        here, there = (median([call["cpu"] for call in by_process[who]]) for who in ("ours", name))
        faster = median([b["cpu"] / a["cpu"] for a, b in zip(by_process["ours"], by_process[name], strict=True)])
        judged = name == "usual"
        lines.append(
            Line(
                f"a whole poll of a recorded response, {rows} rows, CPU time",
                milliseconds(here),
                f"{label}: {milliseconds(there)}",
                _less(faster),
                "≤ the usual way" if judged else "",
                faster >= 1 if judged else None,
            )
        )
    return lines


def _less(ratio: float) -> str:
    return f"{times(ratio)} less" if ratio >= 1 else f"{times(1 / ratio)} more"
