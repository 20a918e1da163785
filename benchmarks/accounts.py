"""Many accounts in one process: memory, polls and scrapes grow with their number, and not faster."""

from __future__ import annotations

from benchmarks.measures import Line, milliseconds, times
from benchmarks.processes import say, simulator, worker

ENDPOINTS = 30
FEW, MANY = 100, 500
LINEAR = 1.3  # times as much per account, at the most


def measure() -> list[Line]:
    found = {}
    with simulator(ENDPOINTS) as api:
        for accounts in (MANY, FEW, MANY):  # the first makes the simulator remember all of them
            say(f"accounts: {accounts}")
            with worker("accounts_worker", api.api) as ours:
                found[accounts] = ours.ask(str(accounts))
    few, many = found[FEW], found[MANY]
    series = f"{int(many['series']):,} series"
    lines = []
    for kind, what in (
        ("poll", "CPU time of a poll with new data"),
        ("again", "CPU time of a poll without"),
        ("scrape", "CPU time of the first scrape after them"),
    ):
        here, there = many[kind] / MANY, few[kind] / FEW
        lines.append(_line(f"{what}, per account", milliseconds(here), milliseconds(there), here / there, series))
    here, there = many["memory"] / MANY, few["memory"] / FEW
    lines.append(
        _line("memory, per account", f"{here * 1024:.0f} KiB", f"{there * 1024:.0f} KiB", here / there, series)
    )
    return lines


def _line(what: str, here: str, there: str, ratio: float, series: str) -> Line:
    return Line(
        f"{MANY} accounts of {ENDPOINTS} endpoints, {series}: {what}",
        here,
        f"with {FEW} accounts: {there}",
        times(ratio),
        f"≤ {times(LINEAR)}",
        ratio <= LINEAR,
    )
