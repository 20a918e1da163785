"""The configuration, typed and frozen. Durations are seconds, sizes are bytes.

Each field carries what it takes and what it means; `load.py` reads YAML by that, `schema.py` makes a JSON Schema of it
and `key_table.py` the documentation's table. A new key is a new field; each collector declares its own section.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from exporter.config.collector_settings import CollectorsSettings
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

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff(Settings):
    """Exponential backoff, under the names of the OpenRouter SDK's BackoffStrategy."""

    initial_interval: Annotated[float, duration(minimum=MILLISECOND), "Wait before the first repetition."] = 0.5
    max_interval: Annotated[float, duration(minimum=MILLISECOND), "Longest wait between two attempts."] = 60.0
    exponent: Annotated[
        float, decimal_number(minimum=1, maximum=100), "What each wait is multiplied by for the next."
    ] = 1.5
    max_elapsed_time: Annotated[
        float, duration(minimum=MILLISECOND), "One poll never lasts longer, waits and `Retry-After` included."
    ] = 300.0
    jitter: Annotated[float, duration(minimum=0), "Random time of up to this much is added to each wait."] = 1.0

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a first wait that is longer than the longest."""
        if self.initial_interval <= self.max_interval:
            return ()
        first, longest = format_duration(self.initial_interval), format_duration(self.max_interval)
        message = f"initial_interval ({first}) is longer than max_interval ({longest})"
        return (Conflict(("initial_interval", "max_interval"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries(Settings):
    """When to try again, under the names of the OpenRouter SDK's RetryConfig.

    `status_codes` are exact codes (`429`) or classes (`5XX`).
    """

    strategy: Annotated[Literal["backoff", "none"], "`none` makes one attempt per poll."] = "backoff"
    backoff: Backoff = Backoff()
    retry_connection_errors: Annotated[bool, "Try again also where no answer came."] = True
    status_codes: Annotated[
        tuple[str, ...],
        ListOf(item=status_code(), example='["429", "5XX"]', unique=True),
        "Answers to try again after: exact codes or classes.",
    ] = ("408", "429", "5XX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Settings):
    """How the API's certificate is checked."""

    ca_file: Annotated[
        Path | None,
        file_path(must_be_read=True),
        "Certificates to trust (PEM); null is the system's store. Relative to the configuration file.",
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream(Settings):
    """How the API is reached.

    `timeout` and `connect_timeout` bound one attempt; `max_response_bytes` counts inflated.
    """

    base_url: Annotated[str, api_url(), "Where the API is. Plain http is for localhost only."] = (
        "https://openrouter.ai/api/v1"
    )
    timeout: Annotated[float, duration(minimum=MILLISECOND), "Longest time of one attempt, as a whole."] = 30.0
    connect_timeout: Annotated[float, duration(minimum=MILLISECOND), "Longest time to get a connection."] = 5.0
    max_response_bytes: Annotated[
        int, size(minimum=KIBIBYTE, maximum=4 * GIBIBYTE), "Largest answer that is read, after decompression."
    ] = 64 * MEBIBYTE
    requests_per_minute: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "Most requests of one account within any minute, over all its collectors; the analytics API allows 64.",
    ] = 60
    proxy_url: Annotated[str | None, proxy(), "Proxy to go through, without a password in it; null is none."] = None
    proxy_from_environment: Annotated[
        bool, "Take the proxy from `HTTPS_PROXY` and `NO_PROXY` instead, with its password if it has one."
    ] = False
    tls: Tls = Tls()
    retries: Retries = Retries()

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return two proxies at once."""
        if self.proxy_url is None or not self.proxy_from_environment:
            return ()
        message = "proxy_url and proxy_from_environment: true exclude each other; keep one of them"
        return (Conflict(("proxy_url", "proxy_from_environment"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Settings):
    """What is logged."""

    level: Annotated[LogLevel | None, "From which level on; null is `--log.level`."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One OpenRouter account: the `account` label, where its management key is read, what it collects and alerts on."""

    name: str
    key: SecretSource
    collectors: CollectorsSettings
    thresholds: Thresholds = Thresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All of it; overrides of an account are already merged into that account."""

    log: Logging = Logging()
    upstream: Upstream = Upstream()
    accounts: tuple[Account, ...] = field(default=())
