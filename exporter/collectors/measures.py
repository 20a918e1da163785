"""What usage is measured in: the same eight families for a completed day, for a window and for today."""

from __future__ import annotations

# What is measured, and what is to be known about it, by the family's name.
_HELP = {
    "usage_usd": ("OpenRouter credits spent {when}, in US dollars.", ""),
    "byok_usage_usd": ("Spend on own provider keys {when}, in US dollars.", "Not included in usage."),
    "requests": ("Requests {when}.", ""),
    "prompt_tokens": ("Prompt tokens {when}, cache hits included.", ""),
    "completion_tokens": ("Completion tokens {when}.", ""),
    "reasoning_tokens": ("Reasoning tokens {when}.", "Can exceed completion tokens."),
    "cached_tokens": ("Prompt tokens read from cache {when}.", "Can exceed prompt tokens."),
    "byok_requests": ("Requests with own provider keys {when}.", "Absent if the API does not report them."),
}
MEASURES = tuple(_HELP)
USAGE, BYOK_USAGE, REQUESTS = range(3)
MONEY = (USAGE, BYOK_USAGE)  # the others are counts


def measure_help(measure: str, when: str) -> str:
    """Return the HELP text of a measure over a time, such as "on the current UTC day"."""
    what, note = _HELP[measure]
    return " ".join(part for part in (what.format(when=when), note) if part)
