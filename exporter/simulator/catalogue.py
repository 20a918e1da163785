"""`GET /models` and `GET /models/{author}/{slug}/endpoints`: the public catalogue, which needs no key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.simulator.http_responses import ApiError, SimulatedResponse, json_response, whole_number
from exporter.simulator.models import MODELS, Model
from exporter.simulator.usage import draws

MODELS_PATH = "/models"
_ENDPOINTS_PATH = re.compile(r"/models/([^/]+/[^/]+)/endpoints")
_DAY = timedelta(days=1)
_MAX_PAGE = 1000
_DEFAULT_PAGE = 500
_ANNOUNCED = 30  # days before its last day a model has an expiration date
_CACHED, _CACHE_WRITE, _REASONING = Decimal("0.1"), Decimal("1.25"), Decimal(1)
_MILLION = Decimal(1_000_000)
_ROUTER, _ALIAS, _ALIAS_TARGET = "openrouter/auto", "~openai/gpt-latest", "openai/gpt-5"
_LONG_CONTEXT = "google/gemini-2.5-pro"  # costs more above so many prompt tokens
_OFF_PEAK = "deepseek/deepseek-chat-v3.1"  # costs less at night
_PROMOTED = "z-ai/glm-4.6"
_STATUS_DEGRADED = -2


def serves(operation: str) -> bool:
    """Return whether a path is one of the catalogue's."""
    return operation == MODELS_PATH or _ENDPOINTS_PATH.fullmatch(operation) is not None


class Catalogue:
    """The public catalogue. Models that come and go are listed only while they are served.

    `size` adds unused models, up to that many: the real catalogue has hundreds.
    """

    def __init__(self, size: int = 0) -> None:
        self._unused = tuple(_unused(number) for number in range(size - len(MODELS)))

    def respond(
        self, operation: str, parameters: Mapping[str, str], now: datetime, *, with_key: bool
    ) -> SimulatedResponse:
        """Return the response of one of the two paths. Raise ApiError for an unknown model or a bad parameter."""
        today = now.astimezone(UTC).date()
        if operation == MODELS_PATH:
            return json_response(self._page(parameters, today))
        match = _ENDPOINTS_PATH.fullmatch(operation)
        slug = match[1] if match else ""
        for model in (*MODELS, *self._unused):
            if model.slug == slug and model.served_on(today):
                return json_response({"data": _endpoints(model, now, with_key=with_key)})
        raise ApiError(404)

    def _page(self, parameters: Mapping[str, str], today: date) -> dict[str, Any]:
        every_output = parameters.get("output_modalities") == "all"
        models = [
            _model(model, today)
            for model in (*MODELS, *self._unused)
            if model.served_on(today) and (every_output or _output(model) == "text")
        ]
        models += [_router(), _alias(today)]
        if "offset" not in parameters and "limit" not in parameters:
            return {"data": models, "total_count": len(models), "links": {"next": None}}
        offset = whole_number(parameters.get("offset"), 0, 0, 1 << 31)
        limit = whole_number(parameters.get("limit"), _DEFAULT_PAGE, 1, _MAX_PAGE)
        end = offset + limit
        link = f"/api/v1/models?offset={end}&limit={limit}" if end < len(models) else None
        return {"data": models[offset:end], "total_count": len(models), "links": {"next": link}}


def _model(model: Model, today: date) -> dict[str, Any]:
    context = None if model.slug == "perplexity/sonar" else 2048 * 2 ** int(2 + 8 * draws("context", model.slug)[0])
    return {
        "id": model.slug,
        "canonical_slug": model.permaslug,
        "name": _name(model),
        "created": _created(model),
        "description": f"{_name(model)}, simulated.",
        "architecture": _architecture(model),
        "context_length": context,
        "default_parameters": None,
        "expiration_date": _expiration(model, today),
        "links": {"details": f"/api/v1/models/{model.permaslug}/endpoints"},
        "per_request_limits": None,
        "pricing": _pricing(model),
        "supported_parameters": ["max_tokens", "temperature"],
        "supported_voices": None,
        "top_provider": {"context_length": context, "max_completion_tokens": None, "is_moderated": False},
    }


def _router() -> dict[str, Any]:
    """Return the model that chooses another one for each request: its price is -1, which is not a price."""
    router = Model(_ROUTER, _ROUTER, 0.0, 0.0, (), reasons=False, caches=False, phase=None)
    return _model(router, date.min) | {"pricing": {"prompt": "-1", "completion": "-1"}, "context_length": 2_000_000}


def _alias(today: date) -> dict[str, Any]:
    """Return a name that stands for another model."""
    target = next(model for model in MODELS if model.slug == _ALIAS_TARGET)
    own = {"id": _ALIAS, "canonical_slug": _ALIAS, "name": "OpenAI: latest GPT"}
    return _model(target, today) | own | {"alias_target": {"slug": target.slug, "name": _name(target)}}


def _dearer(model: Model, provider: str) -> Decimal:
    """Return the price of an endpoint over the model's: the first has the list price, others cost more or less."""
    if provider == model.providers[0]:
        return Decimal(1)
    return Decimal(80 + int(draws("price", model.slug, provider)[0] * 60)) / 100


def _pricing(model: Model, dearer: Decimal = Decimal(1)) -> dict[str, Any]:
    prompt, completion = (Decimal(str(price)) * dearer / _MILLION for price in (model.price_in, model.price_out))
    pricing: dict[str, Any] = {"prompt": _usd(prompt), "completion": _usd(completion), "request": "0", "image": "0"}
    if model.caches:
        pricing |= {"input_cache_read": _usd(prompt * _CACHED), "input_cache_write": _usd(prompt * _CACHE_WRITE)}
    if model.reasons:
        pricing["internal_reasoning"] = _usd(completion * _REASONING)
    if model.slug == _LONG_CONTEXT:
        more = {"prompt": _usd(prompt * 2), "completion": _usd(completion * Decimal("1.5"))}
        pricing["overrides"] = [{"min_prompt_tokens": 200_000} | more]
    if model.slug == _OFF_PEAK:
        pricing["overrides"] = [{"utc_start": 1630, "utc_end": 30, "prompt": _usd(prompt / 2)}]
    if model.slug == _PROMOTED:
        pricing["discount"] = 0.25
    return pricing


def _usd(price: Decimal) -> str:
    return f"{price.normalize():f}"


def _expiration(model: Model, today: date) -> str | None:
    """Return the last day on which a passing model is served, once it is near."""
    days = [today + back * _DAY for back in range(_ANNOUNCED + 1)] if model.phase is not None else []
    return next((str(day - _DAY) for day in days if not model.served_on(day)), None)


def _endpoints(model: Model, now: datetime, *, with_key: bool) -> dict[str, Any]:
    return {
        "id": model.slug,
        "name": _name(model),
        "created": _created(model),
        "description": f"{_name(model)}, simulated.",
        "architecture": _architecture(model) | {"instruct_type": None},
        "endpoints": [_endpoint(model, provider, now, with_key=with_key) for provider in model.providers],
    }


def _endpoint(model: Model, provider: str, now: datetime, *, with_key: bool) -> dict[str, Any]:
    """Return an endpoint. Latency and throughput are null without a key, and uptime where there is little traffic."""
    own, minute = draws("endpoint", model.slug, provider), draws("minute", model.slug, provider, f"{now:%F %H:%M}")
    is_quiet = own[0] < 0.1  # noqa: PLR2004  # a tenth of the endpoints
    is_degraded = own[0] > 0.95  # noqa: PLR2004
    day = (60.0 if is_degraded else 99.0) + own[1]
    recent = day - minute[0]
    latency, speed = 250.0 + 1500.0 * own[2], 20.0 + 120.0 * own[3]
    measured = with_key and not is_quiet
    return {
        "name": f"{provider} | {model.permaslug}",
        "tag": re.sub(r"[^a-z0-9/]+", "-", provider.lower()),
        "provider_name": provider.partition("/")[0],
        "model_id": model.slug,
        "model_name": _name(model),
        "quantization": "fp4" if provider.endswith("/fp4") else None,
        "context_length": 131_072,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "native_tools": {},
        "pricing": _pricing(model, _dearer(model, provider)) | {"discount": 0},
        "service_tier": None,
        "status": _STATUS_DEGRADED if is_degraded else 0,
        "supported_parameters": ["max_tokens", "temperature"],
        "supports_diarization": False,
        "supports_implicit_caching": model.caches,
        "supports_tool_choice": dict.fromkeys(("auto", "function", "none", "required"), True),
        "latency_last_30m": _percentiles(latency, (0.8, 1.2, 1.7, 3.6)) if measured else None,
        "throughput_last_30m": _percentiles(speed, (1.0, 1.1, 1.2, 1.3)) if measured else None,
        "uptime_last_5m": None if is_quiet else round(recent, 2),
        "uptime_last_30m": None if is_quiet else round((recent + day) / 2, 2),
        "uptime_last_1d": None if is_quiet else round(day, 2),
    }


def _percentiles(mean: float, shares: tuple[float, ...]) -> dict[str, float]:
    return {name: round(mean * share, 2) for name, share in zip(("p50", "p75", "p90", "p99"), shares, strict=True)}


def _architecture(model: Model) -> dict[str, Any]:
    output = _output(model)
    return {
        "input_modalities": ["text"],
        "output_modalities": [output],
        "modality": f"text->{output}",
        "tokenizer": "Other",
    }


def _output(model: Model) -> str:
    return "embeddings" if "embedding" in model.slug else "text"


def _name(model: Model) -> str:
    author, _, name = model.slug.partition("/")
    return f"{author.title()}: {name.replace('-', ' ').title()}"


def _created(model: Model) -> int:
    return int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) + int(draws("created", model.slug)[0] * 30_000_000)


def _unused(number: int) -> Model:
    slug = f"unused/model-{number}"
    return Model(slug, slug, 1.0, 2.0, ("OpenAI",), reasons=False, caches=False, phase=None)
