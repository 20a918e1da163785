"""The configuration, typed and frozen. Durations are seconds, sizes are bytes.

Each field carries what it takes and what it means; `load.py` reads YAML by that, `schema.py` makes a JSON Schema of it
and `reference.py` the documentation's table. A new key or collector is a new field here, and nothing elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from exporter.config.kinds import DAY, MILLISECOND, Choice, Decimal, Duration, Size, Whole
from exporter.config.secret import SecretSource
from exporter.config.shape import Conflict, ListOf, Settings
from exporter.config.texts import BaseUrl, Expression, FilePath, Matching, ProxyUrl, StatusCode, Text
from exporter.config.units import format_duration

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

LogLevel = Literal["debug", "info", "warning", "error"]
Label = Literal["model", "provider", "endpoint_id"]

KEY_HASH = Matching("a key's hash: 64 hexadecimal digits, in quotes", "[0-9a-fA-F]{64}")
UUID = Matching(
    "a UUID such as 123e4567-e89b-12d3-a456-426614174000", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
WINDOW = Matching("1d to 30d, or month_to_date", "([1-9]d|[12][0-9]d|30d|month_to_date)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff(Settings):
    """Exponential backoff, under the names of the OpenRouter SDK's BackoffStrategy."""

    initial_interval: Annotated[float, Duration(minimum=MILLISECOND), "Wait before the first repetition."] = 0.5
    max_interval: Annotated[float, Duration(minimum=MILLISECOND), "Longest wait between two attempts."] = 60.0
    exponent: Annotated[float, Decimal(minimum=1, maximum=100), "What each wait is multiplied by for the next."] = 1.5
    max_elapsed_time: Annotated[
        float, Duration(minimum=MILLISECOND), "One poll never lasts longer, waits and `Retry-After` included."
    ] = 300.0
    jitter: Annotated[float, Duration(minimum=0), "Random time of up to this much is added to each wait."] = 1.0

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
        ListOf(item=StatusCode(), example='["429", "5XX"]', unique=True),
        "Answers to try again after: exact codes or classes.",
    ] = ("408", "429", "5XX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Settings):
    """How the API's certificate is checked."""

    ca_file: Annotated[
        Path | None,
        FilePath(must_be_read=True),
        "Certificates to trust (PEM); null is the system's store. Relative to the configuration file.",
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream(Settings):
    """How the API is reached.

    `timeout` and `connect_timeout` bound one attempt; `max_response_bytes` counts inflated.
    """

    base_url: Annotated[str, BaseUrl(), "Where the API is. Plain http is for localhost only."] = (
        "https://openrouter.ai/api/v1"
    )
    timeout: Annotated[float, Duration(minimum=MILLISECOND), "Longest time of one attempt, as a whole."] = 30.0
    connect_timeout: Annotated[float, Duration(minimum=MILLISECOND), "Longest time to get a connection."] = 5.0
    max_response_bytes: Annotated[
        int, Size(minimum=KIBIBYTE, maximum=4 * GIBIBYTE), "Largest answer that is read, after decompression."
    ] = 64 * MEBIBYTE
    proxy_url: Annotated[str | None, ProxyUrl(), "Proxy to go through, without a password in it; null is none."] = None
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
class Filters(Settings):
    """What `GET /activity` is asked for; without any, for everything."""

    api_key_hash: Annotated[str | None, KEY_HASH, "Only what one key used, named by its hash."] = None
    user_id: Annotated[str | None, Text(), "Only what one member of the organization used."] = None
    workspace_id: Annotated[str | None, UUID, "Only what one workspace used."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Settings):
    """The collector of `GET /activity`.

    `stale_after` is infinite for "never"; `windows` are `Nd` or `month_to_date`.
    """

    enabled: Annotated[bool, "Whether this collector polls at all."] = True
    interval: Annotated[float, Duration(minimum=1), "From one poll to the next."] = 900.0
    stale_after: Annotated[
        float,
        Duration(minimum=1, never=True),
        "How long the last good values are served while polls fail; then the series vanish.",
    ] = DAY
    settle_delay: Annotated[
        float, Duration(minimum=0, below=DAY), "After UTC midnight, before yesterday counts as complete."
    ] = 1800.0
    empty_day_after: Annotated[
        float,
        Duration(minimum=0, maximum=DAY),
        "After UTC midnight, before a yesterday without any row is believed to be a day without use.",
    ] = 10800.0
    windows: Annotated[
        tuple[str, ...],
        ListOf(item=WINDOW, example="[7d, 30d]", unique=True),
        "Sums to offer beside the latest day; `1d` to `30d`, or `month_to_date`. May be empty.",
    ] = ("7d", "30d", "month_to_date")
    filters: Filters = Filters()
    split_by: Annotated[Literal["none", "workspace"], "`workspace` adds the label `workspace_id`."] = "none"
    include: Annotated[
        tuple[re.Pattern[str], ...],
        ListOf(item=Expression(), example='["openai/.*"]'),
        "Models to show, by regular expressions that match the whole name; empty is all.",
    ] = ()
    exclude: Annotated[
        tuple[re.Pattern[str], ...],
        ListOf(item=Expression(), example='[".*:free"]'),
        "Models to leave out, by regular expressions that match the whole name; wins over `include`.",
    ] = ()
    drop_labels: Annotated[
        tuple[Label, ...],
        ListOf(item=Choice(get_args(Label)), example="[provider, endpoint_id]", unique=True),
        "Labels to do without; series are summed over them.",
    ] = ()
    max_endpoints: Annotated[
        int,
        Whole(minimum=1, maximum=1_000_000),
        "The smallest beyond this many are folded into `other`; totals stay right.",
    ] = 5000

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return times that are the wrong way round."""
        found = []
        if self.stale_after < self.interval:
            stale, interval = format_duration(self.stale_after), format_duration(self.interval)
            message = (
                f"stale_after ({stale}) is shorter than interval ({interval}): values would vanish between two polls"
            )
            found.append(Conflict(("stale_after", "interval"), message))
        if self.empty_day_after < self.settle_delay:
            empty, settle = format_duration(self.empty_day_after), format_duration(self.settle_delay)
            message = (
                f"empty_day_after ({empty}) is shorter than settle_delay ({settle}): no day counts before it settled"
            )
            found.append(Conflict(("empty_day_after", "settle_delay"), message))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collectors(Settings):
    """What is collected, collector by collector."""

    activity: Activity = Activity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Settings):
    """What is logged."""

    level: Annotated[LogLevel | None, "From which level on; null is `--log.level`."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One OpenRouter account: the `account` label, where its management key is read, its collectors' settings."""

    name: str
    key: SecretSource
    collectors: Collectors = Collectors()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All of it; overrides of an account are already merged into that account."""

    log: Logging = Logging()
    upstream: Upstream = Upstream()
    accounts: tuple[Account, ...] = field(default=())
