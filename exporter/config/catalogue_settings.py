"""The section `catalogue`: OpenRouter's public catalogue of models, read once per process and without a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.expression_cost import bounded_expression
from exporter.config.fields import ListOf
from exporter.config.value_types import whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEndpointsSettings(CollectorSettings):
    """Uptime, latency and prices of the endpoints of models in use."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSettings(CollectorSettings):
    """The public catalogue: prices and retirement of models in use. Needs no key, and sends none."""

    enabled: Enabled = True
    interval: Interval = 3600.0
    stale_after: StaleAfter = 86_400.0
    models: Annotated[
        tuple[re.Pattern[str], ...],
        ListOf(item=bounded_expression(), example='["openai/.*"]'),
        "Models to publish in addition to those that an account used in 30 days. The whole name must match.",
    ] = ()
    max_models: Annotated[
        int,
        whole_number(minimum=1, maximum=1000),
        "Most models whose endpoints are read, one request each; the most used come first.",
    ] = 100
    endpoints: CatalogueEndpointsSettings = CatalogueEndpointsSettings()
