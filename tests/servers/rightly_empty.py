"""What returns nothing on a healthy demo account, and why. A test holds this to be so, to the letter."""

from __future__ import annotations

_NO_BUDGET = "the demo has no budget of ours"
_NO_KEY_BUDGET = "a management key has no budget at OpenRouter"
_NO_EXPIRY = "the demo's key does not expire"

RIGHTLY_EMPTY: dict[str, str] = {
    "account_days_ago:openrouter_today_spend_usd:sum": "what is recorded is not there a day ago",
    "budget: Budgets": _NO_KEY_BUDGET,
    "budget: Effective budget left": _NO_KEY_BUDGET,
    "budget: Budget projected": _NO_BUDGET,
    "budget: Budget used": _NO_BUDGET,
    "budget: Key expires": _NO_EXPIRY,
    "budget: Thresholds": "thresholds that are null are not shown",
    "openrouter_calling_key_expiry_timestamp_seconds": _NO_EXPIRY,
    "overview: Firing alerts": "no alert fires",
}
