"""Panels without data on a month of history, and the reasons. A test compares this list with the drawing."""

from __future__ import annotations

_NO_KEY_BUDGET = "a management key has no budget at OpenRouter"
_NEVER_HAPPENED = "it shows events, and none of this kind happened"

RIGHTLY_EMPTY: dict[str, str] = {
    "budget: Budgets": _NO_KEY_BUDGET,
    "budget: Budget left": _NO_KEY_BUDGET,
    "budget: Key expires": "the demo's key does not expire",
    "health: Endpoints folded": _NEVER_HAPPENED,
    "health: Polls skipped": _NEVER_HAPPENED,
    "health: Rows missing in totals": _NEVER_HAPPENED,
    "health: Rows rejected": _NEVER_HAPPENED,
    "health: Rows restated": _NEVER_HAPPENED,
    "health: Waiting for the rate limit": _NEVER_HAPPENED,
    "performance: Ended with errors by model": _NEVER_HAPPENED,
}
# Counters need two scrapes in a step of the graph. The history has one in three hours, and the scrapes of a test that
# has just begun may all be after the last step.
EMPTY_AT_FIRST = {
    "health: CPU",
    "health: Failed attempts",
    "health: Latency of an attempt",
    "health: Responses by status",
    "health: Retries",
}
