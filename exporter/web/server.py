"""The web server: listening, and letting go."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from exporter.clock import Clock
from exporter.web.connections import FIRST_REQUEST_SECONDS, ConnectionServer
from exporter.web.interface import Daemon
from exporter.web.listen import BACKLOG, ListenAddress, listen, url_of
from exporter.web.routes import Routes
from exporter.web.web_settings import WebSettings

if TYPE_CHECKING:
    from exporter.web.auth import AccessControl
    from exporter.web.reloading import LiveConfiguration


class WebServer:
    """Serves a daemon on addresses and on inherited sockets, from `start()` until `stop()`.

    `live` is the web configuration: without one, everybody may ask, in clear text.
    """

    def __init__(
        self,
        daemon: Daemon,
        settings: WebSettings,
        clock: Clock,
        addresses: Sequence[ListenAddress],
        sockets: Sequence[socket.socket] = (),
        *,
        live: LiveConfiguration | None = None,
    ) -> None:
        self._live = live
        self._routes = Routes(daemon, settings, None if live is None else _access_control(live, clock))
        self._settings = settings
        self._wanted = addresses
        self._sockets = list(sockets)
        self._connections: ConnectionServer | None = None
        self._listeners: list[asyncio.Server] = []

    @property
    def addresses(self) -> tuple[str, ...]:
        """The URLs that are listened on, with the ports they really have."""
        tls = self._live is not None and self._live.current().tls is not None
        return tuple(url_of(each, tls=tls, path=self._settings.path("/")) for each in self._sockets)

    async def start(self) -> None:
        """Listen; raise ListenError, and listen nowhere, if one of the addresses can't be had."""
        loop = asyncio.get_running_loop()
        try:
            for address in self._wanted:
                self._sockets += await listen(address)
        except BaseException:
            self._close_sockets()
            raise
        self._connections = ConnectionServer(self._routes, self._live)
        tls: dict[str, Any] = {}
        if self._live is not None and self._live.current().tls is not None:
            tls = {"ssl": _context(self._live), "ssl_handshake_timeout": FIRST_REQUEST_SECONDS}
            tls["ssl_shutdown_timeout"] = 5.0
        for each in self._sockets:
            self._listeners.append(await loop.create_server(self._connections, sock=each, backlog=BACKLOG, **tls))

    async def stop(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  # the answers under way get it, not this call
        """Stop listening, give answers under way `timeout` seconds, close every connection."""
        for listener in self._listeners:
            listener.close()
        if self._connections is not None:
            await asyncio.sleep(0)  # connections just accepted get their protocol, and so are closed
            self._connections.pre_shutdown()
            await self._connections.shutdown(timeout / 2)  # aiohttp waits twice: for the answer, then for its task
        self._listeners.clear()
        self._close_sockets()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()


# Passwords and TLS are loaded only where they are asked for: half of the web layer's start would be theirs.


def _access_control(live: LiveConfiguration, clock: Clock) -> AccessControl:
    from exporter.web.auth import AccessControl

    return AccessControl(live, clock)


def _context(live: LiveConfiguration) -> ssl.SSLContext:
    from exporter.web.reloading import LiveContext

    return LiveContext.of(live)
