"""Listening sockets: bound to `HOST:PORT`, or inherited from systemd."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.errors import ListenError

BACKLOG = 1024
FIRST_INHERITED = 3  # the first descriptor that systemd passes

_ADDRESS = re.compile(r"(?:\[(?P<six>[^][]*)]|(?P<host>[^][:]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
_TAKEN = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen: an empty host is every interface, port 0 is any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> ListenAddress:
    """Parse `HOST:PORT`, `:PORT` or `[::1]:PORT`; raise ListenError if it is none of them."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ListenError(f"{text!r} is not an address to listen on; expected HOST:PORT, :PORT or [IPv6]:PORT")
    port = int(match["port"])
    if port > _HIGHEST_PORT:
        raise ListenError(f"{text!r} is not an address to listen on: ports end at {_HIGHEST_PORT}")
    if match["six"] is not None and ":" not in match["six"]:
        raise ListenError(f"{text!r} is not an address to listen on: brackets are for IPv6 addresses")
    host = match["six"] or match["host"] or ""
    try:
        host.encode("idna")  # as the resolver does, which raises the same where no one expects it
    except UnicodeError:
        raise ListenError(f"{text!r} is not an address to listen on: {host!r} cannot be a host's name") from None
    return ListenAddress(host, port)


async def listen(address: ListenAddress) -> list[socket.socket]:
    """Return listening sockets, one per IP address of the host; raise ListenError if one cannot be bound.

    No host and `[::]` listen on all addresses of both IP versions.
    """
    if not address.host.strip("0:"):  # empty, or a spelling of `::`
        return [_listen_everywhere(address)]
    import asyncio  # noqa: PLC0415 — `healthcheck` imports this module, and starts in half the time without asyncio

    loop = asyncio.get_running_loop()
    try:
        resolved = await loop.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except OSError as error:
        raise ListenError(f"can't listen on {address}: {error.strerror}") from error
    sockets: list[socket.socket] = []
    port = address.port
    for family, resolved_address in dict.fromkeys((entry[0], entry[4]) for entry in resolved):
        try:
            bound = (resolved_address[0], port, *resolved_address[2:])
            sockets.append(socket.create_server(bound, family=family, backlog=BACKLOG))
        except OSError as error:
            for listening in sockets:
                listening.close()
            raise _refused(address, error) from error
        port = port or sockets[0].getsockname()[1]  # a free port is chosen once for all addresses of a name
    return sockets


def _refused(address: ListenAddress, error: OSError) -> ListenError:
    # The text of an error from create_server also has the address, as a tuple in Python's spelling.
    reason = os.strerror(error.errno) if error.errno else str(error)
    return ListenError(f"can't listen on {address}: {reason}; --web.listen-address chooses another")


def inherited_sockets(
    environment: Mapping[str, str], pid: int | None = None, first: int = FIRST_INHERITED
) -> list[socket.socket]:
    """Return the sockets that systemd passed; none if LISTEN_PID names another process."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid() if pid is None else pid) or not count:
        return []
    if not count.isdecimal():
        raise ListenError(f"LISTEN_FDS is {count!r}, not a number")
    return [_inherited(number) for number in range(first, first + int(count))]


def url_of(listening: socket.socket, *, tls: bool, path: str = "/") -> str:
    """Return the URL of a listening socket."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{ListenAddress(host, port)}{path}"


def _listen_everywhere(address: ListenAddress) -> socket.socket:
    # One socket for both IP versions: port 0 becomes one port, and IPv4 alone works where IPv6 is disabled.
    try:
        if socket.has_dualstack_ipv6():
            try:
                everywhere = ("::", address.port)
                return socket.create_server(everywhere, family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
            except OSError as error:
                if error.errno in _TAKEN:
                    raise
        return socket.create_server(("0.0.0.0", address.port), backlog=BACKLOG)  # noqa: S104  # as configured
    except OSError as error:
        raise _refused(address, error) from error


def _inherited(number: int) -> socket.socket:
    try:
        taken = socket.socket(fileno=number)
    except OSError as error:
        raise ListenError(f"file descriptor {number} from LISTEN_FDS is not a socket: {error.strerror}") from error
    if taken.type != socket.SOCK_STREAM or not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        taken.detach()
        raise ListenError(f"file descriptor {number} from LISTEN_FDS is not a listening stream socket")
    taken.set_inheritable(False)
    return taken
