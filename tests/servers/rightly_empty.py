"""Expressions without a result on the demo, and the reasons. A test compares this list with the results."""

from __future__ import annotations

_NO_KEY_BUDGET = "a management key has no budget at OpenRouter"
_NO_EXPIRY = "the demo's key does not expire"

_NO_LAST_MONTH = "the same days of last month: the demo's past is shorter"
_NEVER_HAPPENED = "panels of events leave zeros out, and nothing of this kind happened"

RIGHTLY_EMPTY: dict[str, str] = {
    "account_days_ago:openrouter_today_spend_usd:sum": "what is recorded is not there a day ago",
    "account_model:openrouter_activity_7d_list_cost_usd:at_prices_of_a_week_ago": (
        "what is recorded is not there a week ago"
    ),
    "budget: Budgets": _NO_KEY_BUDGET,
    "budget: Budget left": _NO_KEY_BUDGET,
    "budget: Key expires": _NO_EXPIRY,
    "docs/queries.md: account_model:openrouter_activity_30d_spend_usd:sum": "the demo's past is shorter",
    "health: Endpoints folded": _NEVER_HAPPENED,
    "health: Polls skipped": _NEVER_HAPPENED,
    "health: Retries": _NEVER_HAPPENED,
    "health: Rows missing in totals": _NEVER_HAPPENED,
    "health: Rows rejected": _NEVER_HAPPENED,
    "health: Rows restated": _NEVER_HAPPENED,
    "health: Waiting for the rate limit": _NEVER_HAPPENED,
    "models: Endpoints": "without a key the API reports no latency and no throughput",
    "openrouter_calling_key_expiry_timestamp_seconds": _NO_EXPIRY,
    "overview: Keys against last month": _NO_LAST_MONTH,
    "overview: Models against last month": _NO_LAST_MONTH,
    "overview: Teams against last month": _NO_LAST_MONTH,
    "overview: Workspaces against last month": _NO_LAST_MONTH,
    "performance: Ended with errors by model": _NEVER_HAPPENED,
    "spenders: This month by team": "the bar that waits for the recording rules: they have added up the teams",
}
