"""Access control on every path: client certificates' names, rate limit and basic auth of the web configuration."""

from __future__ import annotations

import base64
import binascii

import structlog
from aiohttp import web

from exporter.clock import Clock
from exporter.web.log_throttle import Throttle, source_of
from exporter.web.passwords import Passwords
from exporter.web.reloading import LiveConfiguration
from exporter.web.responses import text_response
from exporter.web.tls import names_of
from exporter.web.web_config import WebConfiguration
from exporter.web.web_config_format import RateLimitConfig

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="openrouter-exporter", charset="UTF-8"'}

_log = structlog.get_logger(__name__)


class TokenBucket:
    """Counts requests against a limit: a burst at once, then one per interval."""

    def __init__(self, limit: RateLimitConfig, clock: Clock) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._filled = clock.monotonic()

    def allows(self) -> bool:
        """Return whether another request is within the limit; if so, count it."""
        now = self._clock.monotonic()
        self._tokens = min(self.limit.burst, self._tokens + (now - self._filled) / self.limit.interval)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class AccessControl:
    """Decides which requests are let through."""

    def __init__(self, live: LiveConfiguration, clock: Clock) -> None:
        self.live = live
        self._clock = clock
        self._passwords = Passwords()
        self._bucket: TokenBucket | None = None
        self._throttle = Throttle(clock)

    async def refusal(self, request: web.BaseRequest, configuration: WebConfiguration) -> web.Response | None:
        """Return None to let the request through, otherwise the response that refuses it."""
        certificate = request.get_extra_info("peercert")
        if certificate and configuration.allowed_sans and not names_of(certificate) & configuration.allowed_sans:
            # Too late for a TLS alert: the handshake is complete.
            self._log_refused(request, "none of the certificate's names is in client_allowed_sans")
            return text_response(403, "Forbidden: none of the certificate's names is in client_allowed_sans.")
        if configuration.rate_limit is not None:
            if self._bucket is None or self._bucket.limit != configuration.rate_limit:
                self._bucket = TokenBucket(configuration.rate_limit, self._clock)
            if not self._bucket.allows():
                return text_response(429, "Too many requests.")
        return await self._wrong_password(request, configuration) if configuration.users else None

    async def _wrong_password(self, request: web.BaseRequest, configuration: WebConfiguration) -> web.Response | None:
        given = credentials(request.headers.get("Authorization", ""))
        reason = "no credentials"
        if given is not None:
            matches = await self._passwords.match(configuration.users, *given, source_of(request.remote))
            if matches is None:
                return text_response(503, "Too many passwords to check at once; try again.", {"Retry-After": "1"})
            if matches:
                return None
            reason = "wrong name or password"
        self._log_refused(request, reason)
        return text_response(401, "Unauthorized.", _CHALLENGE)

    def _log_refused(self, request: web.BaseRequest, reason: str) -> None:
        source = source_of(request.remote)
        if self._throttle.allows(source):
            _log.warning("auth_failed", source=source, path=request.path, reason=reason)


def credentials(header: str) -> tuple[bytes, bytes] | None:
    """Return the name and password of an Authorization header; None unless it is valid basic auth."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None
