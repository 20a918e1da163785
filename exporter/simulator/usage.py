"""The usage of a simulated account: a pure function of seed, number of endpoints and day.

A day always has the same rows: every number comes from a hash of the seed, the day and the endpoint, so two processes,
and two versions of Python, agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from struct import Struct as Layout
from uuid import NAMESPACE_URL, uuid5

import msgspec

from exporter.simulator.models import PAIRS, Model

DEFAULT_ENDPOINTS = 40
DEFAULT_SEED = 1
_DENSE_ABOVE = 200  # endpoints; larger accounts exist for benchmarks, where counts must be exact

_MARKET_USD_PER_DAY = 200.0  # at list price, own keys included
_BYOK_FEE = 0.05
_CACHED_PRICE = 0.1  # of the price of a prompt token that wasn't cached
_WEEK = (1.0, 1.05, 1.08, 1.04, 0.95, 0.5, 0.42)  # Monday to Sunday
_REPLAYED = 0.985  # above this draw a row's cached tokens exceed its prompt tokens
_MUCH_THOUGHT = 0.94  # above this draw a row's reasoning tokens exceed its completion tokens
_ALL_OWN_KEY, _SOME_OWN_KEY = 0.08, 0.16  # below these draws an endpoint is used with the account's own provider key
_RARE, _OFTEN = 0.1, 0.3  # below these draws an endpoint is used on a quarter, on two thirds of the days
_OFFICE_HOURS = 0.85  # this share of the endpoints is used less on weekends
_WORDS = Layout("<8Q")
_UNIT = 2.0**-64


class UsageRow(msgspec.Struct, gc=False):
    """One row of `GET /activity`, its fields named and ordered as on the wire."""

    date: str
    model: str
    model_permaslug: str
    endpoint_id: str
    provider_name: str
    usage: float
    byok_usage_inference: float
    requests: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    byok_requests: int
    workspace_id: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint and how the account uses it on an ordinary day."""

    endpoint_id: str
    model: Model
    slug: str
    permaslug: str
    provider: str
    requests: float
    prompt: float  # tokens per request
    completion: float
    cache_share: float
    byok_share: float
    regularity: float  # the share of days on which it is used at all
    weekly: bool  # use follows the working week; batch work does not


def draws(*parts: object) -> tuple[float, ...]:
    """Return eight numbers from 0 to 1 that depend on the parts alone."""
    digest = blake2b(":".join(map(str, parts)).encode(), digest_size=64).digest()
    return tuple(word * _UNIT for word in _WORDS.unpack(digest))


class SimulatedAccount:
    """An account's use of the API. Rows are generated on demand; only the list of endpoints is kept."""

    def __init__(self, seed: int = DEFAULT_SEED, endpoints: int = DEFAULT_ENDPOINTS) -> None:
        if endpoints < 1:
            raise ValueError(f"an account has at least one endpoint, not {endpoints}")
        self.seed = seed
        self.dense = endpoints > _DENSE_ABOVE
        self.endpoints = _endpoints(seed, endpoints)

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return a day's rows, one per endpoint that was used; in a dense account that is every endpoint."""
        stamp = f"{day.isoformat()} 00:00:00"
        rows = (_row(self.seed, day, stamp, endpoint, dense=self.dense) for endpoint in self.endpoints)
        return [row for row in rows if row is not None]


def _row(seed: int, day: date, stamp: str, endpoint: Endpoint, *, dense: bool) -> UsageRow | None:
    present, *noise = draws(seed, day.toordinal(), endpoint.endpoint_id)
    if not dense and (present >= endpoint.regularity or not endpoint.model.served_on(day)):
        return None
    rhythm = _WEEK[day.weekday()] if endpoint.weekly else 1.0
    requests = max(1, round(endpoint.requests * rhythm * math.exp(0.5 * (noise[0] + noise[1] - 1.0))))
    prompt = round(requests * endpoint.prompt * (0.8 + 0.4 * noise[2]))
    completion = round(requests * endpoint.completion * (0.8 + 0.4 * noise[3]))
    cached = _cached(endpoint, prompt, noise[4])
    paid, byok = _cost(endpoint, prompt, completion, min(cached, prompt))
    return UsageRow(
        stamp,
        endpoint.slug,
        endpoint.permaslug,
        endpoint.endpoint_id,
        endpoint.provider,
        usd(paid),
        usd(byok),
        requests,
        prompt,
        completion,
        _reasoning(endpoint, completion, noise[5]),
        cached,
        requests if byok else 0,
    )


def usd(millionths: int) -> float:
    """Return an amount as the API writes it: at most six decimals, and 0 without a fraction."""
    return millionths / 1_000_000 or 0


def _cached(endpoint: Endpoint, prompt: int, noise: float) -> int:
    """Return tokens read from cache; with replayed responses they may exceed the prompt."""
    if not endpoint.model.caches:
        return 0
    return round(prompt * (1.12 if noise > _REPLAYED else endpoint.cache_share * (0.7 + 0.6 * noise)))


def _reasoning(endpoint: Endpoint, completion: int, noise: float) -> int:
    """Return reasoning tokens; providers count them differently, so they may exceed the completion."""
    if not endpoint.model.reasons:
        return 0
    return math.ceil(
        completion * (1.02 + 3.0 * (noise - _MUCH_THOUGHT) if noise > _MUCH_THOUGHT else 0.3 + 0.6 * noise)
    )


def _cost(endpoint: Endpoint, prompt: int, completion: int, cached: int) -> tuple[int, int]:
    """Return the millionths of a USD paid in credits, and to the provider directly."""
    model = endpoint.model
    market = (prompt - cached * (1.0 - _CACHED_PRICE)) * model.price_in + completion * model.price_out
    byok = market * endpoint.byok_share
    return round(market - byok + byok * _BYOK_FEE), round(byok)


def _endpoints(seed: int, count: int) -> tuple[Endpoint, ...]:
    weights = _weights(seed, count)
    return tuple(_endpoint(seed, index, weight) for index, weight in enumerate(weights))


def _weights(seed: int, count: int) -> Sequence[float]:
    """Return each endpoint's share of the spend: Zipf, in an order that differs a little between accounts."""
    order = sorted(range(count), key=lambda index: index + 12.0 * draws(seed, "rank", index)[0])
    weights = [0.0] * count
    for rank, index in enumerate(order, start=1):
        weights[index] = 1.0 / rank
    total = sum(weights)
    return [weight / total for weight in weights]


def _endpoint(seed: int, index: int, weight: float) -> Endpoint:
    generation, position = divmod(index, len(PAIRS))
    model, provider = PAIRS[position]
    slug, permaslug = _named(model, generation)
    endpoint_id = str(uuid5(NAMESPACE_URL, f"https://openrouter.ai/{slug}/{provider}/{generation}"))
    size, length, cache, own, regular, batch, *_ = draws(seed, "endpoint", endpoint_id)
    prompt = 400.0 * 60.0**size
    completion = prompt * (0.03 + 0.3 * length)
    cache_share = 0.15 + 0.6 * cache if model.caches else 0.0
    price_in, price_out = (model.price_in, model.price_out) if model.price_in else (0.3, 1.0)
    market = prompt * (1.0 - cache_share * (1.0 - _CACHED_PRICE)) * price_in + completion * price_out
    return Endpoint(
        endpoint_id,
        model,
        slug,
        permaslug,
        provider,
        requests=1_000_000 * _MARKET_USD_PER_DAY * weight / market,
        prompt=prompt,
        completion=completion if model.price_out or not model.price_in else 0.0,
        cache_share=cache_share,
        byok_share=1.0 if own < _ALL_OWN_KEY else 0.4 if own < _SOME_OWN_KEY else 0.0,
        regularity=0.25 if regular < _RARE else 0.7 if regular < _OFTEN else 1.0,
        weekly=batch < _OFFICE_HOURS,
    )


def _named(model: Model, generation: int) -> tuple[str, str]:
    """Return slug and permaslug; beyond the catalogue, generations of fine-tunes make up the number."""
    if not generation:
        return model.slug, model.permaslug
    name, _, variant = model.slug.partition(":")
    suffix = f"-ft{generation}"
    return f"{name}{suffix}{':' if variant else ''}{variant}", f"{model.permaslug}{suffix}"
