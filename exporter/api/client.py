"""The client of one account: attempts with retries until a deadline, counted and logged."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import structlog
from yarl import URL

from exporter.api.messages import printable
from exporter.api.proxy import proxy_for
from exporter.api.rate_limit import RateLimit
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.api.response import Response, read_response, refusal
from exporter.api.retry import with_retries
from exporter.api.waits import Waits
from exporter.clock import Clock
from exporter.config.configuration import Upstream
from exporter.config.secret import Secret, SecretSource
from exporter.errors import (
    OK,
    AttemptError,
    AttemptTimeout,
    ConnectionFailed,
    ErrorSource,
    InvalidResponse,
    SecretError,
    StatusError,
)
from exporter.log import hide
from exporter.status import Retry

SHORTEST_TIMEOUT = 0.001  # 0 would mean "no timeout" to aiohttp
REFUSED = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the API; `operation` is the label it is counted under, `content` a body in JSON.

    `longest_response` limits the response in bytes where the settings allow more.
    """

    operation: str
    path: str
    parameters: Mapping[str, str]
    method: str = "GET"
    content: bytes | None = None
    longest_response: int | None = None


OnProgress = Callable[[Request, Retry | None], None]


def ignore_progress(_request: Request, _retry: Retry | None) -> None:
    """Do nothing: an `OnProgress` for requests whose retries are not shown."""


class Client:
    """Sends the requests of one account; without a `key`, requests that need none.

    Every attempt waits for a slot under the account's `limit`. The secret is read at the first request and again when
    the API rejects it, because keys rotate. `on_key_change` is called when the secret has changed, or can be read again
    after a failure. `listeners`, by operation, are called with each response and the secret that its request carried.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        upstream: Upstream,
        key: SecretSource | None,
        clock: Clock,
        metrics: ApiMetrics,
        duration: RequestDuration,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self.metrics = metrics
        self.limit = RateLimit(upstream.requests_per_minute)
        self._session = session
        self._upstream = upstream
        self._key = key
        self._clock = clock
        self._duration = duration
        self._log = log
        self._secret: Secret | None = None
        self._unreadable = False  # the last time that it was read
        self.waits = Waits(clock)
        self.on_key_change: Callable[[], None] = lambda: None
        self.listeners: dict[str, Callable[[Response, Secret], None]] = {}

    async def request(
        self,
        request: Request,
        deadline: float,
        *,
        quiet: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> Response:
        """Return the API's response to `request`, retried until `deadline` (monotonic) as the settings require.

        A failure that will be retried is logged as a warning, once per cause; if `quiet`, only at level debug.
        `on_progress` is called with each of them, and with None once the request is over.
        Raise AttemptError for the last failure, DeadlineExceeded, or SecretError.
        """
        logged: set[str] = set()

        def on_retry(error: AttemptError, delay: float) -> None:
            self.metrics.retried(request.operation)
            self._log.log(
                logging.DEBUG if quiet or error.cause in logged else logging.WARNING,
                "request_failed",
                retry_in=round(delay, 3),
                **description(error),
            )
            logged.add(error.cause)
            on_progress(request, _retry(error, self._clock.now() + timedelta(seconds=delay)))

        try:
            return await with_retries(
                partial(self._attempt_with_new_key, request, deadline),
                retries=self._upstream.retries,
                clock=self._clock,
                deadline=deadline,
                jitter=random.random,
                on_retry=on_retry,
                sleep=self.waits.sleep,
            )
        finally:
            on_progress(request, None)

    async def _attempt_with_new_key(self, request: Request, deadline: float) -> Response:
        """Return the response to one attempt, or to a second one if the API rejects a secret that has changed."""
        secret = self._read_secret() if self._secret is None else self._secret
        try:
            return await self._attempt(request, await self._slot(request, deadline), secret)
        except StatusError as error:
            changed = self._changed_secret(secret) if error.status in REFUSED else None
            if changed is None or self._clock.monotonic() >= deadline:
                raise
        self.metrics.retried(request.operation)
        self._log.info("key_reread", operation=request.operation)
        return await self._attempt(request, await self._slot(request, deadline), changed)

    @property
    def secret(self) -> Secret | None:
        """The secret in use; None before it was read."""
        return self._secret

    def reread_secret(self) -> None:
        """Read the secret from its source; if that fails, the next request tries again."""
        try:
            self._read_secret()
        except SecretError:
            self._secret = None

    async def _slot(self, request: Request, deadline: float) -> float:
        """Wait until the account's limit allows another request; return the seconds that are left then."""
        now = self._clock.monotonic()
        slot = self.limit.take(now, deadline)
        if slot > now:
            self.metrics.throttled(request.operation)
            try:
                await self.waits.sleep(slot - now)
            finally:  # the wait may be cancelled
                self.metrics.waited(self._clock.monotonic() - now)
        return deadline - self._clock.monotonic()

    def _changed_secret(self, refused: Secret | None) -> Secret | None:
        """Return the secret if it is another one than the API refused; None also if it can no longer be read."""
        with suppress(SecretError):
            secret = self._read_secret()
            return secret if secret != refused else None
        return None

    def _read_secret(self) -> Secret | None:
        """Read the secret from its source. Raises SecretError."""
        if self._key is None:
            return None
        try:
            secret = self._key.read()
        except SecretError:
            self._unreadable = True
            raise
        changed = self._unreadable or self._secret not in (None, secret)
        self._secret, self._unreadable = secret, False
        hide(secret.reveal())
        if changed:
            self.on_key_change()
        return secret

    async def _attempt(self, request: Request, remaining: float, secret: Secret | None) -> Response:
        started = self._clock.monotonic()
        try:
            response = await self._exchange(request, remaining, secret)
        except AttemptError as error:
            error.duration = self._clock.monotonic() - started
            error.operation = request.operation
            self.metrics.failed(request.operation, error)
            raise
        finally:
            self._duration.observe(request.operation, self._clock.monotonic() - started)
        listener = self.listeners.get(request.operation)
        if listener is not None and secret is not None:
            listener(response, secret)
        return response

    async def _exchange(self, request: Request, remaining: float, secret: Secret | None) -> Response:
        limits = self._upstream
        seconds = max(min(limits.timeout, remaining), SHORTEST_TIMEOUT)
        connecting = min(limits.connect_timeout, seconds)
        timeout = aiohttp.ClientTimeout(total=seconds, connect=connecting)
        try:
            async with await self._open(request, timeout, secret) as response:
                self.metrics.responded(request.operation, response.status)
                if response.status != OK:
                    raise await refusal(response, self._clock.now())
                most = limits.max_response_bytes
                return await read_response(response, min(most, request.longest_response or most))
        except aiohttp.ClientResponseError as error:
            failure = InvalidResponse(f"not an HTTP response: {_text(error)}")
            failure.status = None
            raise failure from None
        except aiohttp.ClientPayloadError as error:
            raise InvalidResponse(f"the body ended early: {_text(error)}") from None
        except aiohttp.ConnectionTimeoutError:
            raise AttemptTimeout(f"no connection within {connecting:g} s") from None
        except TimeoutError:
            raise AttemptTimeout(f"no complete response within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise _connection_failed(error) from None

    async def _open(
        self, request: Request, limits: aiohttp.ClientTimeout, secret: Secret | None
    ) -> aiohttp.ClientResponse:
        """Return a response up to its body. Redirects are not followed, because the key must not travel."""
        headers = {} if secret is None else {"Authorization": f"Bearer {secret.reveal()}"}
        if request.content is not None:
            headers["Content-Type"] = "application/json"
        proxy = None
        try:
            url = URL(self._upstream.base_url + request.path)
            proxy = proxy_for(url, self._upstream)
            return await self._session.request(
                request.method,
                url,
                params=request.parameters,
                headers=headers,
                data=request.content,
                timeout=limits,
                proxy=proxy,
                allow_redirects=False,
            )
        except aiohttp.ClientHttpProxyError as error:
            raise _proxy_failed(proxy, f"responded with status {error.status}") from None
        except aiohttp.ClientProxyConnectionError as error:
            raise _proxy_failed(proxy, f"cannot be reached: {_text(error.os_error)}") from None
        except ValueError as error:  # a host name that no resolver accepts, or an unusable proxy in the environment
            raise _connection_failed(error) from None


def _retry(error: AttemptError, next_attempt: datetime) -> Retry:
    return Retry(
        attempt=error.attempt + 1,
        operation=error.operation,
        error=str(error),
        status=error.status,
        status_class=error.status_class,
        next_attempt=next_attempt,
    )


def _connection_failed(error: BaseException) -> ConnectionFailed:
    source: ErrorSource | None = None
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        source = "certificate" if "CERTIFICATE" in str(error) else None
    elif isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        source = "connection_refused"
    return ConnectionFailed(_text(error), source)


def _proxy_failed(proxy: URL | None, what: str) -> ConnectionFailed:
    """Return the error for a proxy that refuses or cannot be reached; it is named without its password."""
    name = f"the proxy {proxy.host}:{proxy.port}" if proxy is not None else "the proxy"
    return ConnectionFailed(printable(f"{name} {what}"), "proxy")


def description(error: AttemptError) -> dict[str, Any]:
    """Return the log's keys for a failed attempt; `duration` is that attempt's, in seconds."""
    return {
        "operation": error.operation,
        "attempt": error.attempt,
        "status": error.status,
        "status_class": error.status_class,
        "error": str(error),
        "duration": round(error.duration, 3),
    }


def _text(error: BaseException) -> str:
    """Return a network error as one line: its text, or the name of its class if it has none."""
    return printable(str(error)) or type(error).__name__
