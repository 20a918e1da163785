"""The families of the public catalogue: what a model costs, when it is retired, what its endpoints are like."""

from __future__ import annotations

from exporter.api.endpoint_rows import PERCENTILES
from exporter.collectors.common import gauge

_KINDS = (
    "kind is prompt, completion, input_cache_read, input_cache_write or another kind of token, priced per token; or "
    "request, image or web_search, priced per unit."
)

PRICE = gauge("openrouter_model_price_usd", f"List price of a model in US dollars: {_KINDS}", ("model", "kind"))
DISCOUNT = gauge(
    "openrouter_model_price_discount_ratio",
    "Promotion on a model's list prices, from 0 to 1. Absent if the catalogue has none.",
    ("model",),
)
OVERRIDES = gauge(
    "openrouter_model_price_overrides",
    "Number of prices that replace a model's list prices under a condition, such as a long prompt or a time of day.",
    ("model",),
)
EXPIRATION = gauge(
    "openrouter_model_expiration_timestamp_seconds",
    "Start of the UTC day on which a model will be retired, as Unix time in seconds. Absent if none is announced.",
    ("model",),
)
LISTED = gauge(
    "openrouter_model_listed",
    "1 if the catalogue lists a model, 0 if it does not although an account used the model within 30 days. "
    "Absent while in doubt: rows are unreadable, or the first catalogue after a start lacks many models in use.",
    ("model",),
)
CONTEXT_LENGTH = gauge("openrouter_model_context_length_tokens", "Context length of a model, in tokens.", ("model",))
INFO = gauge(
    "openrouter_model_info",
    "Names of a model: in /activity, in the analytics API, and for display. The value is 1.",
    ("model", "model_permaslug", "name"),
)
MODEL_FAMILIES = (PRICE, DISCOUNT, OVERRIDES, EXPIRATION, LISTED, CONTEXT_LENGTH, INFO)

_ENDPOINT = ("model", "provider", "tag")
_PLATFORM = "OpenRouter measures it over all of its users."
ENDPOINT_UPTIME = gauge(
    "openrouter_endpoint_uptime_ratio",
    "Share of minutes in the window in which at least 80 % of an endpoint's requests succeeded. Absent with too little "
    f"traffic. {_PLATFORM}",
    (*_ENDPOINT, "window"),
)
ENDPOINT_STATUS = gauge(
    "openrouter_endpoint_status",
    f"Status of an endpoint: 0 is normal, below 0 is degraded or disabled. {_PLATFORM}",
    _ENDPOINT,
)
ENDPOINT_LATENCIES = tuple(
    gauge(
        f"openrouter_endpoint_{percentile}_latency_seconds",
        f"Time to an endpoint's first token over 30 minutes, {percentile}, in seconds. {_PLATFORM}",
        _ENDPOINT,
    )
    for percentile in PERCENTILES
)
ENDPOINT_THROUGHPUTS = tuple(
    gauge(
        f"openrouter_endpoint_{percentile}_throughput_tokens_per_second",
        f"Throughput of an endpoint over 30 minutes, {percentile}, in tokens per second. {_PLATFORM}",
        _ENDPOINT,
    )
    for percentile in PERCENTILES
)
ENDPOINT_PRICE = gauge(
    "openrouter_endpoint_price_usd", f"List price of an endpoint in US dollars: {_KINDS}", (*_ENDPOINT, "kind")
)
ENDPOINT_FAMILIES = (ENDPOINT_UPTIME, ENDPOINT_STATUS, *ENDPOINT_LATENCIES, *ENDPOINT_THROUGHPUTS, ENDPOINT_PRICE)
