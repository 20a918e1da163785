"""Durations and sizes as people write them: `1h30m` is 5400 seconds, `64MiB` is 67108864 bytes."""

from __future__ import annotations

import re

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_BYTES = {"GiB": 1024**3, "MiB": 1024**2, "KiB": 1024, "B": 1}

# Fifteen digits are enough, and keep every sum a finite float.
_DURATION = re.compile("".join(f"(?:([0-9]{{1,15}}){unit})?" for unit in _MILLISECONDS))
_SIZE = re.compile(f"([0-9]{{1,15}})({'|'.join(_BYTES)})")

DURATION_PATTERN = "^(0|(?=[0-9])" + "".join(f"([0-9]+{unit})?" for unit in _MILLISECONDS) + ")$"
SIZE_PATTERN = f"^[0-9]+({'|'.join(_BYTES)})$"


def parse_duration(text: str) -> float:
    """Return the seconds of a Prometheus duration such as `500ms`, `15m` or `1h30m`; `0` needs no unit.

    Raise ValueError, with the reason, for other text.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(_reason(text))
    factors = zip(match.groups(default="0"), _MILLISECONDS.values(), strict=True)
    return sum(int(number) * factor for number, factor in factors) / 1000


def format_duration(seconds: float) -> str:
    """Return the duration in the largest units that are exact to the millisecond: 5400 is `1h30m`, 0 is `0s`."""
    rest = round(seconds * 1000)
    parts = []
    for unit, factor in _MILLISECONDS.items():
        # Years and weeks only if nothing is left over, as Prometheus does: 30d reads better than 4w2d.
        if rest < factor or (unit in "yw" and rest % factor):
            continue
        parts.append(f"{rest // factor}{unit}")
        rest %= factor
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Return the bytes of a size such as `512B`, `64KiB`, `64MiB` or `1GiB`.

    Raise ValueError, with the reason, for other text.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"write the unit: {text}B, {text}KiB, {text}MiB" if _is_short_number(text) else _SIZE_UNITS)
    return int(match[1]) * _BYTES[match[2]]


def format_size(size: int) -> str:
    """Return the size in the largest exact unit: 65536 is `64KiB`."""
    unit = next(unit for unit, factor in _BYTES.items() if (size >= factor and size % factor == 0) or factor == 1)
    return f"{size // _BYTES[unit]}{unit}"


_SIZE_UNITS = "a whole number and one of the units B, KiB, MiB, GiB"


def _reason(text: str) -> str:
    if _is_short_number(text):
        return f"write the unit: {text}s, {text}m, {text}h"
    if re.fullmatch(r"([0-9]{1,15}(y|w|d|h|ms|m|s))+", text):
        return "units go from large to small, each at most once, as in 1h30m"
    if re.fullmatch(r"[0-9]*\.[0-9]+(y|w|d|h|ms|m|s)", text):
        return "use whole numbers: 1h30m instead of 1.5h"
    return "a whole number and one of the units y, w, d, h, m, s, ms"


def _is_short_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,15}", text) is not None
