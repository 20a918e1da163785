"""What is measured, and how it is shown: percentiles, a process's memory, lines of the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `ok` None is a line without a bar."""

    what: str
    ours: str
    usual: str
    ratio: str
    bar: str = ""
    ok: bool | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


median = statistics.median


def resident(pid: int | str = "self") -> float:
    """Return how much memory a process has now, in MiB."""
    return _status(pid, "VmRSS")


def peak(pid: int | str = "self") -> float:
    """Return the most memory that a process had since its start or since `forget_peak`, in MiB."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int | str = "self") -> None:
    """Let the peak be what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _status(pid: int | str, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / MIB
    raise LookupError(name)


def milliseconds(seconds: float) -> str:
    """Return a time as text, with three significant digits."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def mebibytes(size: float) -> str:
    """Return a size in MiB as text."""
    return f"{size:.0f} MiB" if size >= 10 else f"{size:.1f} MiB"  # noqa: PLR2004


def at_most(what: str, value: float, bar: float, written: Callable[[float], str]) -> Line:
    """Return the line of a value that must not exceed its bar, compared with nothing else."""
    return Line(what, written(value), "", "", f"≤ {written(bar)}", value <= bar)


def times(ratio: float) -> str:
    """Return a ratio as text."""
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times"  # noqa: PLR2004


def table(lines: Iterable[Line]) -> str:
    """Return the lines as a table in markdown."""
    rows = ["| what | ours | the usual way | ratio | bar | ok |", "|---|---|---|---|---|---|"]
    for line in lines:
        ok = {True: "yes", False: "**no**", None: ""}[line.ok]
        rows.append(f"| {line.what} | {line.ours} | {line.usual} | {line.ratio} | {line.bar} | {ok} |")
    return "\n".join(rows)
