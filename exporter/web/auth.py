"""Who may ask: rate limit and basic auth, on every path, as the web configuration says at that moment.

Comparing with bcrypt takes long by design: it is done in a thread, one at a time, and its outcome is kept under a keyed
hash. A name that doesn't exist costs what one that does costs, so that time tells nothing about names.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping

import structlog
from aiohttp import web

from exporter.clock import Clock
from exporter.web.log_throttle import Throttle, source_of
from exporter.web.reloading import LiveConfiguration
from exporter.web.responses import text_response
from exporter.web.token_bucket import TokenBucket
from exporter.web.web_config import WebConfiguration

MOST_KEPT = 128
MOST_WAITING = 16
LONGEST_PASSWORD = 72  # bcrypt looks no further

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="openrouter-exporter", charset="UTF-8"'}

_log = structlog.get_logger(__name__)


class AccessControl:
    """Lets requests in or tells why not."""

    def __init__(self, live: LiveConfiguration, clock: Clock) -> None:
        self.live = live
        self._clock = clock
        self._passwords = Passwords()
        self._bucket: TokenBucket | None = None
        self._throttle = Throttle(clock)

    async def refusal(self, request: web.BaseRequest, configuration: WebConfiguration) -> web.Response | None:
        """Return None if the request may be answered, else what to answer instead."""
        if configuration.rate_limit is not None:
            if self._bucket is None or self._bucket.limit != configuration.rate_limit:
                self._bucket = TokenBucket(configuration.rate_limit, self._clock)
            if not self._bucket.allows():
                return text_response(429, "Too many requests.")
        if not configuration.users:
            return None
        given = credentials(request.headers.get("Authorization", ""))
        if given is not None:
            allowed = await self._passwords.match(configuration.users, *given)
            if allowed is None:
                return text_response(503, "Too many passwords to check at once; try again.", {"Retry-After": "1"})
            if allowed:
                return None
        self._log_refusal(request, given)
        return text_response(401, "Unauthorized.", _CHALLENGE)

    def _log_refusal(self, request: web.BaseRequest, given: tuple[bytes, bytes] | None) -> None:
        source = source_of(request.remote)
        if not self._throttle.allows(source):
            return
        reason = "no credentials" if given is None else "wrong name or password"
        _log.warning("auth_failed", source=source, path=request.path, reason=reason)


class Passwords:
    """Compares passwords with bcrypt hashes, and remembers outcomes, never passwords."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # Apart, so that guesses push out no more than other guesses.
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._one_at_a_time = asyncio.Semaphore(1)
        self._running: dict[bytes, asyncio.Task[bool]] = {}

    async def match(self, users: Mapping[bytes, bytes], name: bytes, password: bytes) -> bool | None:
        """Return whether the password is the user's; None if too many wait to be told."""
        hashed = users.get(name)
        digest = self._digest(name, hashed or b"", password)
        if (known := self._known(digest)) is not None:
            return known
        if (running := self._running.get(digest)) is None:
            if len(self._running) >= MOST_WAITING:
                return None
            compared = self._compare(digest, password, hashed, self._stand_in(users, name))
            running = asyncio.create_task(compared)
            self._running[digest] = running
            running.add_done_callback(lambda _: self._running.pop(digest, None))
        return await asyncio.shield(running)

    async def _compare(self, digest: bytes, password: bytes, hashed: bytes | None, stand_in: bytes) -> bool:
        async with self._one_at_a_time:
            matches = await asyncio.to_thread(_matches, password, hashed or stand_in)
        right = matches and hashed is not None
        kept = self._right if right else self._wrong
        kept[digest] = None
        if len(kept) > MOST_KEPT:
            kept.popitem(last=False)
        return right

    def _known(self, digest: bytes) -> bool | None:
        for kept, outcome in ((self._right, True), (self._wrong, False)):
            if digest in kept:
                kept.move_to_end(digest)
                return outcome
        return None

    def _stand_in(self, users: Mapping[bytes, bytes], name: bytes) -> bytes:
        # The same for the same name, so that it costs each time what that user's would.
        choice = int.from_bytes(self._digest(name, b"", b"")[:8])
        return list(users.values())[choice % len(users)]

    def _digest(self, *parts: bytes) -> bytes:
        hashed = hashlib.blake2b(key=self._key, digest_size=32)
        for part in parts:
            hashed.update(len(part).to_bytes(8))
            hashed.update(part)
        return hashed.digest()


def credentials(header: str) -> tuple[bytes, bytes] | None:
    """Return name and password of an Authorization header; None if it has none for basic auth."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def _matches(password: bytes, hashed: bytes) -> bool:
    import bcrypt  # noqa: PLC0415  # an optional extra, there if the configuration has users

    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)
    except ValueError:
        return False
