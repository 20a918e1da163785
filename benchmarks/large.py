"""Polls of an account with 10,000 keys in 20 workspaces, and of 10,000 pairs of model and provider.

What holds the event loop makes scrapes wait. It is measured in CPU time, which other processes do not add to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.large_account import SIZE, WORKSPACES
from benchmarks.measures import Line, median, milliseconds, times
from benchmarks.processes import Running, listening, log_progress, worker

ROUNDS = 5
LONGEST_HOLD = 0.050


def measure() -> list[Line]:
    with (
        account("keys") as api,
        worker("large_worker", api.api, "keys") as ours,
        worker("sdk_worker", api.api, "keys") as sdk,
    ):
        keys = [(ours.run(), sdk.run()) for _ in _rounds("keys")]
    with (
        account("pairs") as api,
        worker("large_worker", api.api, "today") as today,
        worker("large_worker", api.api, "analytics") as analytics,
        worker("raw_worker", api.api) as raw,
    ):
        rounds = [(today.run(), analytics.run(), raw.run()) for _ in _rounds("pairs")]
    faster = median([b["seconds"] / a["seconds"] for a, b in keys])
    lines = [
        Line(
            f"a poll of {SIZE:,} keys in {WORKSPACES} workspaces",
            milliseconds(median([poll["seconds"] for poll, _ in keys])),
            f"SDK's calls alone: {milliseconds(median([sdk['seconds'] for _, sdk in keys]))}",
            f"{times(faster)} faster",
        ),
        _held("keys", [poll for poll, _ in keys]),
    ]
    for index, (name, what) in enumerate((("today", "pairs of today"), ("analytics", "rows of a query"))):
        polls = [calls[index] for calls in rounds]
        than_raw = median([calls[2]["seconds"] / calls[index]["seconds"] for calls in rounds])
        lines += [
            Line(
                f"a poll of {SIZE:,} {what}",
                milliseconds(median([poll["seconds"] for poll in polls])),
                f"the usual way to one query's text: {milliseconds(median([calls[2]['seconds'] for calls in rounds]))}",
                f"{times(than_raw)} faster",
            ),
            _held(name, polls),
        ]
    return lines


@contextmanager
def account(name: str) -> Iterator[Running]:
    """Run the API of a large account."""
    with listening([sys.executable, "-m", "benchmarks.large_account", name], "listening on") as running:
        yield running


def _held(name: str, polls: list[dict[str, float]]) -> Line:
    holds = [poll["held"] for poll in polls]
    return Line(
        f"the event loop's longest hold meanwhile, in CPU time (`{name}`, {polls[0]['size']:,.0f} series)",
        f"{milliseconds(min(holds))} to {milliseconds(max(holds))}",
        "",
        "",
        f"≤ {milliseconds(LONGEST_HOLD)}",
        median(holds) <= LONGEST_HOLD,
    )


def _rounds(name: str) -> Iterator[int]:
    for number in range(ROUNDS):
        log_progress(f"large: {name}, round {number + 1} of {ROUNDS}")
        yield number
