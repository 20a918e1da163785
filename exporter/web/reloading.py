"""The web configuration as it is now: read again when its files change, kept when what they became is no good.

Files are looked at with each handshake and each request, which is four system calls at most.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import structlog

from exporter.clock import Clock, SystemClock
from exporter.errors import ConfigurationError
from exporter.web.log_throttle import Throttle
from exporter.web.tls import names_of
from exporter.web.watched_files import Files
from exporter.web.web_config import WebConfiguration, read_web_configuration

_log = structlog.get_logger(__name__)


class LiveConfiguration:
    """A web configuration file, the certificates that it names included; raises ConfigurationError if it is bad."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._throttle = Throttle(clock or SystemClock())
        self._files = Files()
        self._configuration = read_web_configuration(path, self._files)

    def current(self) -> WebConfiguration:
        """Return the configuration; a change of a file that can't be used is logged once, and changes nothing."""
        if self._files.changed():
            self._files = files = Files()
            try:
                changed = read_web_configuration(self._path, files)
            except ConfigurationError as error:
                _log.error("web_config_rejected", mistakes=[str(mistake) for mistake in error.mistakes])
                return self._configuration
            if (changed.tls is None) != (self._configuration.tls is None):
                _log.error("web_config_rejected", mistakes=["switching TLS on or off needs a restart"])
                return self._configuration
            self._configuration = changed
            _log.info("web_config_reread", file=str(self._path))
        return self._configuration

    def admits(self, certificate: dict[str, Any] | None) -> bool:
        """Return whether a client with this certificate, which is verified already, may come in."""
        allowed = self._configuration.allowed_sans
        return not allowed or not certificate or bool(names_of(certificate) & allowed)

    def log_rejected(self, reason: str, source: str | None = None) -> None:
        """Log that a client was sent away: once a minute per source, or per reason where the source isn't known."""
        if self._throttle.allows(source or reason):
            _log.warning("tls_handshake_rejected", reason=reason, source=source)


class LiveContext(ssl.SSLContext):
    """A context that makes each handshake with what the web configuration says at that moment."""

    _live: LiveConfiguration
    _watched: type[ssl.SSLObject]

    @classmethod
    def of(cls, live: LiveConfiguration) -> LiveContext:
        """Return the context of a web configuration that has TLS."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context._live = live

        class Watched(ssl.SSLObject):
            """A handshake whose failure is said; OpenSSL knows why it failed, and asyncio tells nobody."""

            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    raise
                except ssl.SSLError as error:
                    live.log_rejected((error.reason or str(error)).lower().replace("_", " "))
                    raise

        context._watched = Watched
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  # the signature is Python's
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a handshake; asyncio calls this once per connection."""
        context = self._live.current().tls
        if context is None:  # pragma: no cover  # LiveConfiguration never switches TLS off
            raise ssl.SSLError("no certificate")
        context.sslobject_class = self._watched
        return context.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
