"""What returns nothing on a healthy demo account, and why. A test holds this to be so, to the letter."""

from __future__ import annotations

_NEVER_ASKED = "the demo does not poll what this is made of"
_NO_BUDGET = "the demo has no budget"
_NO_EXPIRY = "the demo's key does not expire"
_HEALTHY = "the API never answered so"

RIGHTLY_EMPTY: dict[str, str] = {
    "account:openrouter_credits_balance_usd:seconds_left": _NEVER_ASKED,
    "account:openrouter_today_spend_usd:sum": _NEVER_ASKED,
    "account:openrouter_today_spend_usd:usual": _NEVER_ASKED,
    "account:openrouter_today_timestamp_seconds:elapsed": _NEVER_ASKED,
    "account:openrouter_today_usage_usd:expected": _NEVER_ASKED,
    "account_days_ago:openrouter_today_spend_usd:sum": _NEVER_ASKED,
    "account_model:openrouter_today_spend_usd:sum": _NEVER_ASKED,
    "openrouter_analytics_p99_latency_seconds": _NEVER_ASKED,
    "openrouter_credits_balance_usd": _NEVER_ASKED,
    "openrouter_credits_purchased_usd": _NEVER_ASKED,
    "openrouter_key_disabled": _NEVER_ASKED,
    'openrouter_key_expires_timestamp_seconds{key!="other"}': _NEVER_ASKED,
    "openrouter_key_limit_usd": _NEVER_ASKED,
    'openrouter_key_limit_used_usd{key!="other"}': _NEVER_ASKED,
    "openrouter_today_requests": _NEVER_ASKED,
    "budget: Against a usual day": _NEVER_ASKED,
    "budget: All keys": _NEVER_ASKED,
    "budget: Budgets": _NEVER_ASKED,
    "budget: Credit left": _NEVER_ASKED,
    "budget: Credit over time": _NEVER_ASKED,
    "budget: Effective budget left": _NEVER_ASKED,
    "budget: Free models: requests used": _NEVER_ASKED,
    "budget: It lasts for": _NEVER_ASKED,
    "budget: Limits used most": _NEVER_ASKED,
    "budget: Spent today": _NEVER_ASKED,
    "budget: Today and days before": _NEVER_ASKED,
    "budget: Today by model": _NEVER_ASKED,
    "budget: Budget projected": _NO_BUDGET,
    "budget: Budget used": _NO_BUDGET,
    "budget: Month, projection and budget": _NO_BUDGET,
    "budget: Key expires": _NO_EXPIRY,
    "budget: Thresholds": "thresholds that are null are not shown",
    "openrouter_calling_key_expiry_timestamp_seconds": _NO_EXPIRY,
    "openrouter_threshold_month_budget_usd": _NO_BUDGET,
    'openrouter_exporter_api_responses_total{code="429"}': _HEALTHY,
    'openrouter_exporter_api_responses_total{code=~"401|403"}': _HEALTHY,
    "overview: Firing alerts": "no alert fires",
}
