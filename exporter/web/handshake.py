"""TLS handshakes that send the client the reason when they fail.

When a handshake fails, asyncio closes the connection without sending the alert that OpenSSL prepared, so that
Prometheus reports only EOF.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

# As Go's servers respond to a client that speaks HTTP to them.
HTTP_RESPONSE = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"Client sent an HTTP request to an HTTPS server.\n"
)


class Handshakes:
    """Stands in for the SSLContext of a connection, of which asyncio calls only `wrap_bio`."""

    def __init__(self, context: ssl.SSLContext, accepted: socket.socket) -> None:
        self._context = context
        self._accepted = accepted

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **options: Any) -> ssl.SSLObject:
        """Begin a handshake."""
        self._context.sslobject_class = Handshake
        handshake = self._context.wrap_bio(incoming, outgoing, **options)
        if isinstance(handshake, Handshake):
            handshake.accepted, handshake.outgoing = self._accepted, outgoing
        return handshake


class Handshake(ssl.SSLObject):
    """An SSLObject that sends the alert of a failed handshake."""

    accepted: socket.socket
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """Continue the handshake."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            response = HTTP_RESPONSE if error.reason == "HTTP_REQUEST" else self.outgoing.read()
            with suppress(OSError):
                self.accepted.send(response)
            raise
