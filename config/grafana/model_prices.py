"""PromQL of prices: what usage costs at list prices, and what other endpoints of a model cost.

The public catalogue has no account, so its series have no such label.
"""

from __future__ import annotations

from config.grafana import queries
from config.grafana.queries import PICKED, SPEND, TOKENS, WEEK, once, ratio

SHARED = 'account=~"$account|"'
CHOSEN = f'{queries.ACCOUNT}, model=~"$model"'
EACH = "account, model"
EXPIRATION = "openrouter_model_expiration_timestamp_seconds"
UPTIME, STATUS = "openrouter_endpoint_uptime_ratio", "openrouter_endpoint_status"
ENDPOINT = "model, provider, tag"


def usage(measure: str, by: str, window: str = PICKED) -> str:
    """Return a measure of the chosen models."""
    return queries.usage(measure, by, window=window, matchers=CHOSEN)


def listed(metric: str, by: str = "model", **labels: str) -> str:
    """Return a family of the catalogue for the chosen models, with these labels."""
    return once(metric, by, ", ".join([SHARED, 'model=~"$model"', *(f'{k}="{v}"' for k, v in labels.items())]))


def price(kind: str) -> str:
    """Return the list price of a kind of tokens."""
    return listed("openrouter_model_price_usd", kind=kind)


def paid() -> str:
    """Return the spend of each account and model that was used."""
    return f"({usage(SPEND, EACH)} and {used(EACH)})"


def used(by: str, window: str = PICKED) -> str:
    """Return the requests of what was used."""
    return f"({usage('requests', by, window)} > 0)"


def list_cost() -> str:
    """Return what the tokens and requests of each account and model cost at list prices."""
    prompt, cached, completion, requests = (
        usage(measure, EACH) for measure in ("prompt_tokens", "cached_tokens", "completion_tokens", "requests")
    )
    cached = f"({cached} or {prompt} * 0)"
    costs = (
        _at(f"clamp_min({prompt} - {cached}, 0)", price("prompt")),
        _at(cached, f"({price('input_cache_read')} or {price('prompt')})"),
        _at(completion, price("completion")),
        f"({_at(requests, price('request'))} or {prompt} * 0)",
    )
    return f"({' + '.join(costs)})"


def _at(usage: str, price: str) -> str:
    return f"({usage} * on (model) group_left () {price})"


def uptime(window: str, by: str = ENDPOINT) -> str:
    """Return the uptime of each endpoint, or the best by other labels."""
    return listed(UPTIME, by, window=window)


def blended() -> str:
    """Return the price of a token at each endpoint, for the mix of prompt and completion tokens of 7 days."""
    whole = usage(TOKENS, "model", WEEK)
    parts = (
        f"{listed('openrouter_endpoint_price_usd', ENDPOINT, kind=kind)} * on (model) group_left () "
        f"({ratio(usage(f'{kind}_tokens', 'model', WEEK), whole)})"
        for kind in ("prompt", "completion")
    )
    return f"({' + '.join(parts)})"


def tokens_at_provider() -> str:
    """Return the tokens of 7 days at each provider of a model."""
    return usage(TOKENS, "model, provider", WEEK)


def saving(by: str) -> str:
    """Return what a day at the cheapest endpoint that works would save against the providers that were used."""
    tokens = usage(TOKENS, "account, model, provider", WEEK)
    cheapest = f"min by (model) ({blended()} and {uptime('1d')} > 0.95)"
    more = f"clamp_min(min by (model, provider) ({blended()}) - on (model) group_left () {cheapest}, 0)"
    return f"sum by ({by}) ({tokens} / 7 * on (model, provider) group_left () {more})"
