"""Addresses: from text to listening sockets, and the sockets that systemd passes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from exporter.errors import ListenError
from exporter.web.listen import ListenAddress, inherited_sockets, listen, parse_address, url_of

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10063", ListenAddress("", 10063)),
        ("127.0.0.1:0", ListenAddress("127.0.0.1", 0)),
        ("localhost:80", ListenAddress("localhost", 80)),
        ("[::1]:10063", ListenAddress("::1", 10063)),
    ],
)
def test_addresses_are_read_and_written_alike(text: str, address: ListenAddress) -> None:
    """HOST:PORT, :PORT and [IPv6]:PORT."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "10063", "localhost", "localhost:", "::1:10063", "[::1]", "a:b", ":-1", ":99999", "[host]:1", ":1 "]
)
def test_anything_else_is_refused(text: str) -> None:
    """The error repeats the text."""
    with pytest.raises(ListenError, match="is not an address to listen on"):
        parse_address(text)


async def test_port_0_is_a_free_port() -> None:
    """The URL has the port."""
    [listening] = await listen(ListenAddress("127.0.0.1", 0))
    with listening:
        assert url_of(listening, tls=False) == f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert listening.getsockname()[1] != 0


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::", "0::0"])
async def test_all_interfaces_of_both_ip_versions(host: str) -> None:
    """`:PORT` and `[::]:PORT` listen on IPv4 and IPv6, as Prometheus does."""
    [listening] = await listen(ListenAddress(host, 0))
    with listening:
        port = listening.getsockname()[1]
        for loopback in ("127.0.0.1", "::1"):
            socket.create_connection((loopback, port), timeout=5).close()


async def test_name_with_several_addresses_gets_one_port() -> None:
    """A free port is chosen once for all addresses."""
    listening = await listen(ListenAddress("localhost", 0))
    assert len({one.getsockname()[1] for one in listening}) == 1
    for one in listening:
        one.close()


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
async def test_an_address_in_use_is_named(taken: socket.socket, host: str) -> None:
    """The error has the address and the reason."""
    port = taken.getsockname()[1]
    with pytest.raises(ListenError, match=rf"can't listen on {host}:{port}: Address already in use"):
        await listen(ListenAddress(host, port))


async def test_address_of_another_machine_is_refused() -> None:
    """The error has the address and the reason."""
    with pytest.raises(ListenError, match=r"can't listen on 192\.0\.2\.1:0: Cannot assign"):
        await listen(ListenAddress("192.0.2.1", 0))


def test_sockets_of_systemd_are_inherited(taken: socket.socket) -> None:
    """LISTEN_FDS counts them."""
    environment = {"LISTEN_PID": "17", "LISTEN_FDS": "1"}
    [inherited] = inherited_sockets(environment, pid=17, first=taken.fileno())
    assert inherited.getsockname() == taken.getsockname()
    assert not inherited.get_inheritable()
    inherited.detach()


@pytest.mark.parametrize(
    "environment", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "18", "LISTEN_FDS": "1"}, {"LISTEN_PID": "17"}]
)
def test_sockets_for_another_process_are_ignored(environment: dict[str, str]) -> None:
    """LISTEN_PID names the process."""
    assert inherited_sockets(environment, pid=17) == []


def test_invalid_count_is_an_error() -> None:
    """The variable is named."""
    with pytest.raises(ListenError, match="LISTEN_FDS"):
        inherited_sockets({"LISTEN_PID": "17", "LISTEN_FDS": "two"}, pid=17)


def test_a_socket_that_does_not_listen_is_an_error() -> None:
    """For example a datagram socket."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        pytest.raises(ListenError, match="not a listening stream socket"),
    ):
        inherited_sockets({"LISTEN_PID": "17", "LISTEN_FDS": "1"}, pid=17, first=other.fileno())
