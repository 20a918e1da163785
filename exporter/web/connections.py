"""Connections: accepted one by one, and limited in number, in time, and in the memory that they hold."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from exporter.clock import Clock, SystemClock
from exporter.web.log_throttle import Throttle, source_of
from exporter.web.responses import text_response
from exporter.web.routes import Routes

if TYPE_CHECKING:
    from exporter.web.reloading import LiveConfiguration

FIRST_REQUEST_SECONDS = 10.0  # from the connection to a complete request head; also for a TLS handshake
IDLE_SECONDS = 130.0  # longer than usual scrape intervals, so that Prometheus keeps its connection
ACCEPT_PAUSE_SECONDS = 0.1
TLS_CLOSE_SECONDS = 5.0
UNACKNOWLEDGED_SECONDS = 30  # the kernel closes a connection whose client takes no data for so long

MOST_CONNECTIONS = 512
MOST_RESPONSES = 16  # being sent at once; a prompt client has its response before another begins

# Without a limit the kernel buffers up to 4 MiB for a client that does not read. With half of this, a response of 3 MB
# waits for the event loop twice as often: while polling, the slowest hundredth of scrapes took 1.5 times as long.
SEND_BUFFER = 256 * 1024
# The bytes of one read are parsed in one go. asyncio's default of 256 KiB can be 40,000 chunks of a body.
LARGEST_READ = 16 * 1024

_log = structlog.get_logger(__name__)


def raise_descriptor_limit() -> None:
    """Raise this process's soft limit of file descriptors to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # not everywhere is "unlimited" allowed as a soft limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit() -> int:
    """Return how many connections to keep: at most half of the file descriptors that the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, soft // 2))


class Connection(web.RequestHandler):
    """A client's connection. The head of its first request must be complete within `first_request_seconds`."""

    __slots__ = ("_accepted", "_deadline", "busy", "requested", "server")

    def __init__(self, server: ConnectionServer, accepted: socket.socket, **options: Any) -> None:
        super().__init__(server, **options)
        self.server = server
        self.requested = False
        self.busy = False
        self._accepted = accepted
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for the first request."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = LARGEST_READ
        self._deadline = asyncio.get_running_loop().call_later(self.server.first_request_seconds, self.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the timer."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def begin(self) -> None:
        """Note that a request head is complete."""
        self.busy = True
        self.requested = True
        if self._deadline is not None:
            self._deadline.cancel()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response; until it is sent, the connection is one of at most `MOST_RESPONSES`."""
        self.server.begin_response(self)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.busy = False
            self.server.end_response(self)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # the signature is aiohttp's
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # may quote what the client sent
    ) -> web.StreamResponse:
        """Respond briefly to bytes that are not an acceptable HTTP request, without flooding the log."""
        if status == 500:  # noqa: PLR2004
            _log.error("request_crashed", exc_info=exc)
        else:
            _log.debug("request_malformed", error=str(exc))
        response = text_response(status, "Bad request." if status == 400 else "Request failed.")  # noqa: PLR2004
        response.force_close()
        return response

    def abort(self) -> None:
        """Close the connection at once, discarding unsent data."""
        transport = self.transport
        with suppress(OSError):
            if transport is None:
                # In a TLS handshake. asyncio owns the socket; at end of file it gives up and closes it.
                self._accepted.shutdown(socket.SHUT_RDWR)
            elif transport.get_write_buffer_size():
                # Reset; otherwise the kernel would keep unsent data until its own timeout.
                self._accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if transport is not None:
            transport.abort()


class ConnectionServer(web.Server):
    """Accepts connections, and closes the least useful one when there are too many.

    Connections without a request yet are closed first, then idle ones, then busy ones, the oldest of each first: so a
    thousand idle clients cannot keep a scrape out. If too many responses are being sent, the oldest is aborted.
    """

    # Not an Application: its router, middleware and signal cost a gzip scrape of 300 series 26 to 31 % more CPU than a
    # server that writes bytes itself (of 10,000 series 4 to 10 %), a Server with Response 17 % (2 %). Limits on
    # connections need a Server of our own either way.

    def __init__(
        self,
        routes: Routes,
        live: LiveConfiguration | None = None,
        clock: Clock | None = None,
        *,
        limit: int | None = None,
        most_responses: int = MOST_RESPONSES,
        first_request_seconds: float = FIRST_REQUEST_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(routes, request_factory=self._begin)
        self.live = live
        self.first_request_seconds = first_request_seconds
        self._limit = connection_limit() if limit is None else limit
        self._most_responses = most_responses
        self._open: dict[Connection, None] = {}  # in the order of acceptance
        self._sending: dict[Connection, None] = {}  # in the order in which the responses began
        self._opening: set[asyncio.Task[None]] = set()
        self._throttle = Throttle(clock or SystemClock())
        self._options = {"access_log": None, "keepalive_timeout": idle_seconds, "lingering_time": 5.0}

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections until cancelled.

        asyncio's own server accepts a whole backlog before the first of its connections can be counted and closed, and
        logs a traceback for each one that it has no descriptor for.
        """
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except ConnectionError:
                continue  # the client was gone already
            except OSError as error:
                if self._throttle.allows("accept"):
                    _log.warning("accept_failed", error=error.strerror)
                self._close_least_useful()
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            self._admit(accepted)
            await asyncio.sleep(0)  # sock_accept does not wait while more connections are in the backlog

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the signature is aiohttp's
        """Give responses in progress `timeout` seconds and close every connection."""
        for connection in self._open:
            if connection.transport is None:
                connection.abort()
        await asyncio.gather(*self._opening)
        await super().shutdown(timeout)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        super().connection_lost(handler, exc)
        if isinstance(handler, Connection):
            self._open.pop(handler, None)

    def begin_response(self, connection: Connection) -> None:
        """Count a response; if that makes one too many, abort the oldest, whose client reads slowly or not at all."""
        if len(self._sending) >= self._most_responses:
            oldest = next(iter(self._sending))
            del self._sending[oldest]
            if self._throttle.allows("responses"):
                _log.warning("response_aborted", limit=self._most_responses)
            oldest.abort()
        self._sending[connection] = None

    def end_response(self, connection: Connection) -> None:
        """Forget a response that was sent or aborted."""
        self._sending.pop(connection, None)

    def _admit(self, accepted: socket.socket) -> None:
        if len(self._open) >= self._limit:
            if self._throttle.allows("connections"):
                _log.warning("connection_aborted", limit=self._limit)
            self._close_least_useful()
        connection = Connection(self, accepted, loop=asyncio.get_running_loop(), **self._options)
        self._open[connection] = None
        opening = asyncio.create_task(self._connect(connection, accepted))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _connect(self, connection: Connection, accepted: socket.socket) -> None:
        """Make the connection; with TLS, that is the handshake."""
        peer: object = None
        try:
            peer = accepted.getpeername()
            _limit_buffers(accepted)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, **self._tls_options(accepted)
            )
        except ssl.SSLError as error:
            reason, source = (error.reason or str(error)).lower().replace("_", " "), source_of(peer)
            if self._throttle.allows(f"{source}: {reason}"):
                _log.warning("tls_handshake_rejected", reason=reason, source=source)
        except OSError:
            accepted.close()
        finally:
            if connection.transport is None:
                self._open.pop(connection, None)

    def _tls_options(self, accepted: socket.socket) -> dict[str, Any]:
        if self.live is None or (context := self.live.current().tls) is None:
            return {}
        from exporter.web.handshake import Handshakes  # noqa: PLC0415  # only where TLS is configured, to start sooner

        return {
            "ssl": Handshakes(context, accepted),
            "ssl_handshake_timeout": self.first_request_seconds,
            "ssl_shutdown_timeout": TLS_CLOSE_SECONDS,
        }

    def _close_least_useful(self) -> None:
        if self._open:
            least = min(self._open, key=lambda connection: (connection.requested, connection.busy))
            del self._open[least]
            least.abort()

    def _begin(
        self, message: Any, payload: Any, protocol: web.RequestHandler, writer: AbstractStreamWriter, task: Any
    ) -> web.BaseRequest:
        if isinstance(protocol, Connection):
            protocol.begin()
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


def _limit_buffers(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if accepted.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000)
