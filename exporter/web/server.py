"""The web server: from listening to an orderly stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from exporter.clock import Clock
from exporter.web.connections import ConnectionServer
from exporter.web.interface import Daemon
from exporter.web.listen import ListenAddress, listen, url_of
from exporter.web.routes import Routes
from exporter.web.web_settings import WebSettings

if TYPE_CHECKING:
    from exporter.web.reloading import LiveConfiguration


class WebServer:
    """Serves a daemon on addresses and inherited sockets, from `start()` until `stop()`.

    `live` is the web configuration; without it, everyone has access, in clear text.
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
        access_control = None
        if live is not None:
            from exporter.web.auth import AccessControl  # only where it is configured, to start sooner

            access_control = AccessControl(live, clock)
        self._routes = Routes(daemon, settings, access_control)
        self._settings = settings
        self._clock = clock
        self._addresses = addresses
        self._sockets = list(sockets)
        self._connections: ConnectionServer | None = None
        self._accepting: list[asyncio.Task[None]] = []

    @property
    def addresses(self) -> tuple[str, ...]:
        """The URLs of the listening sockets, with their actual ports."""
        tls = self._live is not None and self._live.current().tls is not None
        return tuple(url_of(listening, tls=tls, path=self._settings.path("/")) for listening in self._sockets)

    async def start(self) -> None:
        """Listen; raise ListenError, and listen nowhere, if one of the addresses cannot be bound."""
        try:
            for address in self._addresses:
                self._sockets += await listen(address)
        except BaseException:
            self._close_sockets()
            raise
        self._connections = ConnectionServer(self._routes, self._live, self._clock)
        self._accepting = [asyncio.create_task(self._connections.serve(listener)) for listener in self._sockets]

    async def stop(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  # for responses in progress, not for this call
        """Stop listening, give responses in progress `timeout` seconds, close every connection."""
        for accepting in self._accepting:
            accepting.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        if self._connections is not None:
            self._connections.pre_shutdown()
            await self._connections.shutdown(timeout / 2)  # aiohttp waits twice: for the response, then for its task
        self._accepting.clear()
        self._close_sockets()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _close_sockets(self) -> None:
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()
