"""Connections: how many, how long, and who must go first when there are too many."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from exporter.web.log_throttle import source_of
from exporter.web.responses import text_response
from exporter.web.routes import Routes

if TYPE_CHECKING:
    from exporter.web.reloading import LiveConfiguration

FIRST_REQUEST_SECONDS = 10.0  # from connecting to a whole head
IDLE_SECONDS = 130.0  # longer than the usual scrape intervals, so that Prometheus keeps its connection
MOST_CONNECTIONS = 512

# What one reading brings is parsed in one go; asyncio's own measure is 256 KiB, which can be 40,000 chunks of a body.
LARGEST_READ = 16 * 1024

_log = structlog.get_logger(__name__)


def connection_limit() -> int:
    """Return how many connections to keep: no more than half the file descriptors that the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, soft // 2))


class Connection(web.RequestHandler):
    """One client's connection. A client has `FIRST_REQUEST_SECONDS` to say what it wants, byte by byte or not."""

    __slots__ = ("_deadline", "asked", "busy", "server")

    def __init__(self, server: ConnectionServer, **options: Any) -> None:
        super().__init__(server, **options)
        self.server = server
        self.asked = False
        self.busy = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock; a client whose certificate has none of the wanted names is let go at once."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = LARGEST_READ
        live = self.server.live
        if live is not None and not live.admits(transport.get_extra_info("peercert")):
            source = source_of(transport.get_extra_info("peername"))
            live.log_rejected("none of the certificate's names is in client_allowed_sans", source)
            self.abort()
            return
        self._deadline = asyncio.get_running_loop().call_later(self.server.first_request_seconds, self.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def begin(self) -> None:
        """Note that a request's head is complete."""
        self.busy = True
        if not self.asked:
            self.asked = True
            if self._deadline is not None:
                self._deadline.cancel()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response, then count as idle."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.busy = False

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # the signature is aiohttp's
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # may quote what the client sent
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or too much of it: a word to the client, nothing that floods the log."""
        if status == 500:  # noqa: PLR2004
            _log.error("request_crashed", exc_info=exc)
        else:
            _log.debug("request_malformed", error=str(exc))
        response = text_response(status, "Bad request." if status == 400 else "Request failed.")  # noqa: PLR2004
        response.force_close()
        return response

    def abort(self) -> None:
        """End the connection at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()


class ConnectionServer(web.Server):
    """Makes connections, and closes the least useful one when there are too many.

    Connections without a request yet go first, then idle ones, then busy ones, the oldest of each first: a thousand
    idle clients never keep a scrape out.
    """

    # Not an Application: its router, middleware and signal cost a gzip scrape of 300 series 26 to 31 % more CPU than a
    # server that writes bytes itself (of 10,000 series 4 to 10 %), a Server with Response 17 % (2 %). Limits on
    # connections need a Server of our own either way.

    def __init__(
        self,
        routes: Routes,
        live: LiveConfiguration | None = None,
        *,
        limit: int | None = None,
        first_request_seconds: float = FIRST_REQUEST_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(routes, request_factory=self._begin)
        self.routes = routes
        self.live = live
        self.first_request_seconds = first_request_seconds
        self._open: dict[Connection, None] = {}  # in the order they came
        self._limit = connection_limit() if limit is None else limit
        self._options = {"access_log": None, "keepalive_timeout": idle_seconds, "lingering_time": 5.0}

    def __call__(self) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection in; if that makes one too many, the least useful one goes."""
        super().connection_made(handler, transport)
        if not isinstance(handler, Connection):
            return
        if len(self._open) >= self._limit:
            least = min(self._open, key=_usefulness)
            del self._open[least]
            least.abort()
        self._open[handler] = None

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        super().connection_lost(handler, exc)
        if isinstance(handler, Connection):
            self._open.pop(handler, None)

    def _begin(
        self, message: Any, payload: Any, protocol: web.RequestHandler, writer: AbstractStreamWriter, task: Any
    ) -> web.BaseRequest:
        if isinstance(protocol, Connection):
            protocol.begin()
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


def _usefulness(connection: Connection) -> tuple[bool, bool]:
    return connection.asked, connection.busy
