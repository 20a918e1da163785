"""The configuration, typed and frozen. Durations are seconds, sizes are bytes.

Each field carries what it takes and what it means; `load.py` reads YAML by that, `schema.py` makes a JSON Schema and
the documentation's table of it. A new key is a new field; each collector declares its own section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from exporter.config.allocation_settings import Allocations
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.discovery import AccountSources
from exporter.config.fields import Conflict, ListOf, Settings
from exporter.config.secret import SecretSource
from exporter.config.thresholds import Thresholds
from exporter.config.units import format_duration
from exporter.config.urls import api_url, proxy
from exporter.config.value_types import (
    MILLISECOND,
    decimal_number,
    duration,
    file_path,
    size,
    status_code,
    whole_number,
)
from exporter.errors import Mistake

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff(Settings):
    """Exponential backoff, under the names of the OpenRouter SDK's BackoffStrategy."""

    initial_interval: Annotated[float, duration(minimum=MILLISECOND), "Wait before the second attempt."] = 0.5
    max_interval: Annotated[float, duration(minimum=MILLISECOND), "Longest wait between two attempts."] = 60.0
    exponent: Annotated[float, decimal_number(minimum=1, maximum=100), "Factor from one wait to the next."] = 1.5
    max_elapsed_time: Annotated[
        float, duration(minimum=MILLISECOND), "Deadline of a poll, including waits and `Retry-After`."
    ] = 300.0
    jitter: Annotated[float, duration(minimum=0), "Random time added to each wait, up to this."] = 1.0

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if the first wait exceeds the longest."""
        if self.initial_interval <= self.max_interval:
            return ()
        first, longest = format_duration(self.initial_interval), format_duration(self.max_interval)
        message = f"initial_interval ({first}) is longer than max_interval ({longest})"
        return (Conflict(("initial_interval", "max_interval"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries(Settings):
    """When to retry, under the names of the OpenRouter SDK's RetryConfig.

    `status_codes` are exact codes (`429`) or classes (`5XX`).
    """

    strategy: Annotated[Literal["backoff", "none"], "`none` makes one attempt per poll."] = "backoff"
    backoff: Backoff = Backoff()
    retry_connection_errors: Annotated[bool, "Also retry connection errors."] = True
    status_codes: Annotated[
        tuple[str, ...],
        ListOf(item=status_code(), example='["429", "5XX"]', unique=True),
        "Statuses to retry: exact codes or classes.",
    ] = ("408", "429", "5XX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Settings):
    """How the API's certificate is verified."""

    ca_file: Annotated[
        Path | None,
        file_path(must_be_read=True),
        "Certificates to trust, in PEM; null means the system's. Relative to the configuration file.",
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream(Settings):
    """How to reach the API.

    `timeout` and `connect_timeout` limit one attempt; `max_response_bytes` counts decompressed bytes.
    """

    base_url: Annotated[str, api_url(), "URL of the API. Plain http is for localhost only."] = (
        "https://openrouter.ai/api/v1"
    )
    timeout: Annotated[float, duration(minimum=MILLISECOND), "Limit for one attempt as a whole."] = 30.0
    connect_timeout: Annotated[float, duration(minimum=MILLISECOND), "Limit for connecting."] = 5.0
    max_response_bytes: Annotated[
        int, size(minimum=KIBIBYTE, maximum=4 * GIBIBYTE), "Largest response, after decompression."
    ] = 64 * MEBIBYTE
    requests_per_minute: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "Limit of requests within any minute, for all collectors of an account together. The analytics API allows 64.",
    ] = 60
    proxy_url: Annotated[str | None, proxy(), "Proxy, without a password; null means none."] = None
    proxy_from_environment: Annotated[
        bool, "Use the proxy in `HTTPS_PROXY` and `NO_PROXY`, which may have a password."
    ] = False
    tls: Tls = Tls()
    retries: Retries = Retries()

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if there are two sources of the proxy."""
        if self.proxy_url is None or not self.proxy_from_environment:
            return ()
        message = "proxy_url and proxy_from_environment: true exclude each other; keep one of them"
        return (Conflict(("proxy_url", "proxy_from_environment"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Settings):
    """Logging."""

    level: Annotated[LogLevel | None, "Lowest level to log; null means `--log.level`."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One OpenRouter account: its label, the source of its management key, its collectors and thresholds.

    `labels` are those of the account as a whole, `allocations` those of its parts, the same for every account.
    `origin` is the file that the account was found in, None for the configuration file.
    """

    name: str
    key: SecretSource
    collectors: CollectorsSettings
    thresholds: Thresholds = Thresholds()
    budgets: tuple[ConfiguredBudget, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    allocations: Allocations = Allocations()
    origin: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The whole configuration. Each account has its overrides merged in.

    `sources` are where accounts were found beside the configuration file, `mistakes` what is wrong there. `warnings`
    name what is allowed but has no effect, with its position.
    """

    log: Logging = Logging()
    upstream: Upstream = Upstream()
    catalogue: CatalogueSettings = CatalogueSettings()
    allocations: Allocations = Allocations()
    accounts: tuple[Account, ...] = field(default=())
    sources: AccountSources = field(default=AccountSources(), compare=False)
    mistakes: tuple[Mistake, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
