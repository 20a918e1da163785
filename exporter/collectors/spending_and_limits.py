"""What collectors of balances share: a family of one sample, spending by window, and limits."""

from __future__ import annotations

import math

from exporter.exposition.families import Family, LabelSets, MetricFamily

POLLED = "Refreshed by polling, not by the scrape."
UNKNOWN = math.nan
DECIMALS = 9  # what is left of a subtraction of amounts beyond these is noise

# In the order of USAGE_FIELDS and BYOK_FIELDS.
_WINDOWS = (
    ("", "since the key was made"),
    ("_today", "on the current UTC day"),
    ("_week", "in the current UTC week, from Monday on"),
    ("_month", "in the current UTC month"),
)
_KINDS = (
    ("usage", "OpenRouter credits spent"),
    ("byok_usage", "External spend on own provider keys, in addition to usage,"),
)


def spending(prefix: str, labels: tuple[str, ...]) -> tuple[MetricFamily, ...]:
    """Return the families of what a key spent: credits by window, then own keys by window."""
    return tuple(
        MetricFamily(f"{prefix}_{kind}{window}_usd", f"{meaning} {when}, in US dollars. {POLLED}", labels)
        for kind, meaning in _KINDS
        for window, when in _WINDOWS
    )


def limits(prefix: str, labels: tuple[str, ...]) -> tuple[MetricFamily, MetricFamily, MetricFamily]:
    """Return the families of a key's limit, of what remains and of what is used of it."""
    return (
        MetricFamily(
            f"{prefix}_limit_usd",
            f"The key's limit per reset interval, in all if it is never reset, in US dollars; absent without. {POLLED}",
            labels,
        ),
        MetricFamily(
            f"{prefix}_limit_remaining_usd", f"What remains of the key's limit, in US dollars. {POLLED}", labels
        ),
        MetricFamily(
            f"{prefix}_limit_used_usd",
            f"What is used of the key's limit since its last reset (limit minus remaining), in US dollars. {POLLED}",
            labels,
        ),
    )


def known(value: float | None) -> float:
    """Return a value as a family holds it: NaN has no series."""
    return UNKNOWN if value is None else value


def difference(whole: float | None, part: float | None) -> float:
    """Return whole minus part in USD, unknown if one of them is."""
    return round(known(whole) - known(part), DECIMALS)


def single(declaration: MetricFamily, account: str, value: float | None) -> Family:
    """Return a family of an account as a whole."""
    return Family(declaration, LabelSets(("account",), [(account,)]), [known(value)])
