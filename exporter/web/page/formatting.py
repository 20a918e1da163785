"""Formatting for the landing page: times, durations, money, and untrusted text."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

LONGEST_TEXT = 600
MINUS = "\N{MINUS SIGN}"

_HOUR = 3600
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def printable(text: str) -> str:
    """Return untrusted text shortened, with its control characters replaced."""
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown)


def safe(text: str) -> str:
    """Escape untrusted text for HTML, shortened, with its control characters replaced."""
    return escape(printable(text))


def isolated(text: str) -> str:
    """Escape untrusted text for HTML, and keep it from changing the direction of the text around it."""
    return f"<bdi>{safe(text)}</bdi>"


def span(seconds: float, *, brief: bool = False) -> str:
    """Return a duration in at most two units, such as `1 h 20 min`; in one if `brief`."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10 and seconds != round(seconds):  # noqa: PLR2004
        return f"{seconds:.1f} s"
    left = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if left >= size:
            count, rest = divmod(left, size)
            finer = rest // _UNITS[index + 1][0] if size > 1 and not brief else 0
            return f"{count} {unit} {finer} {_UNITS[index + 1][1]}" if finer else f"{count} {unit}"
    return "0 s"


def moment(time: datetime, now: datetime) -> str:
    """Return a time relative to now as HTML, with the exact time in the title."""
    seconds = (time - now).total_seconds()
    if abs(seconds) < 1:
        words = "now"
    else:
        rough = span(round(abs(seconds)), brief=abs(seconds) < 2 * _HOUR)
        words = f"in {rough}" if seconds > 0 else f"{rough} ago"
    full = stamp(time)
    return f'<time datetime="{full[:10]}T{full[11:19]}Z" title="{full}">{words}</time>'


def stamp(time: datetime) -> str:
    """Return a time such as `2026-08-23 12:00:00 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def usd(amount: float) -> str:
    """Return an amount in US dollars; below one dollar with enough digits to distinguish it from zero."""
    sign, size = (MINUS if amount < 0 else ""), abs(amount)
    if 0 < size < 0.0001:  # noqa: PLR2004
        return f"{'over' if sign else 'under'} {sign}$0.0001"
    if 0 < size < 0.01:  # noqa: PLR2004
        return f"{sign}${size:.2g}"
    return f"{sign}${size:.3f}" if 0 < size < 1 else f"{sign}${size:,.2f}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
