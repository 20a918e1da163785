"""The configuration, typed and frozen. Durations are seconds, sizes are bytes.

Defaults are the contract's; `load.py` makes these from YAML, `schema.py` a JSON Schema.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from exporter.config.secret import SecretSource

MEBIBYTE = 1024 * 1024

Label = Literal["model", "provider", "endpoint_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff, under the names of the OpenRouter SDK's BackoffStrategy."""

    initial_interval: float = 0.5
    max_interval: float = 60.0
    exponent: float = 1.5
    max_elapsed_time: float = 300.0
    jitter: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When to try again, under the names of the OpenRouter SDK's RetryConfig.

    `status_codes` are exact codes (`429`) or classes (`5XX`).
    """

    strategy: Literal["backoff", "none"] = "backoff"
    backoff: Backoff = Backoff()
    retry_connection_errors: bool = True
    status_codes: tuple[str, ...] = ("408", "429", "5XX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the API's certificate is checked; `ca_file` None is the system's store."""

    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """How the API is reached. `timeout` and `connect_timeout` bound one attempt; `max_response_bytes` counts inflated."""

    base_url: str = "https://openrouter.ai/api/v1"
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_response_bytes: int = 64 * MEBIBYTE
    proxy_url: str | None = None
    proxy_from_environment: bool = False
    tls: Tls = Tls()
    retries: Retries = Retries()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What `GET /activity` is asked to leave out; None asks for everything."""

    api_key_hash: str | None = None
    user_id: str | None = None
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The collector of `GET /activity`. `stale_after` is infinite for "never"; `windows` are `Nd` or `month_to_date`."""

    enabled: bool = True
    interval: float = 900.0
    stale_after: float = 86400.0
    settle_delay: float = 1800.0
    empty_day_after: float = 10800.0
    windows: tuple[str, ...] = ("7d", "30d", "month_to_date")
    filters: Filters = Filters()
    split_by: Literal["none", "workspace"] = "none"
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    drop_labels: tuple[Label, ...] = ()
    max_endpoints: int = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Collectors:
    """One field per collector."""

    activity: Activity = Activity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One OpenRouter account: the `account` label, where its management key is read, its collectors' settings."""

    name: str
    key: SecretSource
    collectors: Collectors = Collectors()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All of it; overrides of an account are already merged into that account."""

    upstream: Upstream = Upstream()
    accounts: tuple[Account, ...] = field(default=())


NEVER = math.inf
