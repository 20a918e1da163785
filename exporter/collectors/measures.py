"""The eight measures of usage: a completed day, a window and today have the same families."""

from __future__ import annotations

# The HELP text of each measure and a note that follows it, by the end of the family's name.
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
