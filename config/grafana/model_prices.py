"""PromQL of prices: what usage costs at list prices, and what other endpoints of a model cost.

The public catalogue has no account, so its series have no such label.
"""

from __future__ import annotations

from config.grafana import queries

SHARED = 'account=~"$account|"'
CHOSEN = f'{queries.ACCOUNT}, model=~"$model"'
EACH = "account, model"
EXPIRATION = "openrouter_model_expiration_timestamp_seconds"
UPTIME, STATUS = "openrouter_endpoint_uptime_ratio", "openrouter_endpoint_status"
ENDPOINT = "model, provider, tag"
WEEK = "activity_7d"


def selector(metric: str, **labels: str) -> str:
    """Return the selector of a family of the catalogue, with these labels."""
    matchers = [SHARED, 'model=~"$model"', *(f'{label}="{value}"' for label, value in labels.items())]
    return f"{metric}{{{', '.join(matchers)}}}"


def of_model(metric: str) -> str:
    """Return a family of the catalogue, once for each model."""
    return f"max by (model) ({selector(metric)})"


def price(kind: str) -> str:
    """Return the list price of a kind of tokens."""
    return f"max by (model) ({selector('openrouter_model_price_usd', kind=kind)})"


def paid(window: str = queries.PICKED) -> str:
    """Return the spend of each account and model that was used."""
    return f"({queries.usage(queries.SPEND, EACH, window=window, matchers=CHOSEN)} and {used(EACH, window=window)})"


def used(by: str, *, window: str) -> str:
    """Return the requests of what was used."""
    return f"({queries.usage('requests', by, window=window, matchers=CHOSEN)} > 0)"


def list_cost(window: str = queries.PICKED) -> str:
    """Return what the tokens and requests of each account and model cost at list prices."""
    usage = {
        measure: queries.usage(measure, EACH, window=window, matchers=CHOSEN)
        for measure in ("prompt_tokens", "cached_tokens", "completion_tokens", "requests")
    }
    prompt, cached = usage["prompt_tokens"], f"({usage['cached_tokens']} or {usage['prompt_tokens']} * 0)"
    cached_price = f"({price('input_cache_read')} or {price('prompt')})"
    requests = _at(usage["requests"], price("request"))
    return (
        f"({_at(f'clamp_min({prompt} - {cached}, 0)', price('prompt'))} + {_at(cached, cached_price)}"
        f" + {_at(usage['completion_tokens'], price('completion'))} + ({requests} or {prompt} * 0))"
    )


def _at(usage: str, of_model: str) -> str:
    return f"({usage} * on (model) group_left () {of_model})"


def each_endpoint(metric: str) -> str:
    """Return a family of endpoints, once for each."""
    return f"max by ({ENDPOINT}) ({selector(metric)})"


def uptime(window: str) -> str:
    """Return the uptime of each endpoint."""
    return f"max by ({ENDPOINT}) ({selector(UPTIME, window=window)})"


def _endpoint_price(kind: str) -> str:
    return f"max by ({ENDPOINT}) ({selector('openrouter_endpoint_price_usd', kind=kind)})"


def blended() -> str:
    """Return the price of a token at each endpoint, for the mix of prompt and completion tokens of 7 days."""
    whole = queries.usage(queries.TOKENS, "model", window=WEEK, matchers=CHOSEN)
    parts = (
        f"{_endpoint_price(kind)} * on (model) group_left () "
        f"({queries.usage(f'{kind}_tokens', 'model', window=WEEK, matchers=CHOSEN)} / ({whole} > 0))"
        for kind in ("prompt", "completion")
    )
    return f"({' + '.join(parts)})"


def tokens_at_provider() -> str:
    """Return the tokens of 7 days at each provider of a model."""
    return queries.usage(queries.TOKENS, "model, provider", window=WEEK, matchers=CHOSEN)


def saving(by: str) -> str:
    """Return what a day at the cheapest endpoint that works would save against the providers that were used."""
    tokens = queries.usage(queries.TOKENS, "account, model, provider", window=WEEK, matchers=CHOSEN)
    cheapest = f"min by (model) ({blended()} and {uptime('1d')} > 0.95)"
    more = f"clamp_min(min by (model, provider) ({blended()}) - on (model) group_left () {cheapest}, 0)"
    return f"sum by ({by}) ({tokens} / 7 * on (model, provider) group_left () {more})"
