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
    """Return a socket that listens on loopback."""
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
def test_listen_address_is_parsed_and_formatted(text: str, address: ListenAddress) -> None:
    """The forms are HOST:PORT, :PORT and [IPv6]:PORT."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "10063", "localhost", "localhost:", "::1:10063", "[::1]", "a:b", ":-1", ":99999", "[host]:1", ":1 "]
)
def test_invalid_listen_address_is_refused_and_repeated(text: str) -> None:
    with pytest.raises(ListenError, match="is not an address to listen on"):
        parse_address(text)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_text_that_no_host_can_have_as_name_is_refused(host: str) -> None:
    """The resolver would raise a UnicodeError."""
    with pytest.raises(ListenError, match="cannot be a host's name"):
        parse_address(f"{host}:10063")


async def test_port_0_listens_on_a_free_port() -> None:
    [listening] = await listen(ListenAddress("127.0.0.1", 0))
    with listening:
        assert url_of(listening, tls=False) == f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert listening.getsockname()[1] != 0


@needs_ipv6
@pytest.mark.parametrize("host", ["", "::", "0::0"])
async def test_empty_host_and_any_ipv6_address_listen_on_both_ip_versions(host: str) -> None:
    """Prometheus does the same."""
    [listening] = await listen(ListenAddress(host, 0))
    with listening:
        port = listening.getsockname()[1]
        for loopback in ("127.0.0.1", "::1"):
            socket.create_connection((loopback, port), timeout=5).close()


async def test_host_name_with_several_addresses_gets_one_free_port() -> None:
    listening = await listen(ListenAddress("localhost", 0))
    assert len({one.getsockname()[1] for one in listening}) == 1
    for one in listening:
        one.close()


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
async def test_error_for_an_address_in_use_has_the_address_and_the_reason(taken: socket.socket, host: str) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(ListenError, match=rf"can't listen on {host}:{port}: Address already in use"):
        await listen(ListenAddress(host, port))


async def test_error_for_an_address_of_another_machine_has_the_address_and_the_reason() -> None:
    with pytest.raises(ListenError, match=r"can't listen on 192\.0\.2\.1:0: Cannot assign"):
        await listen(ListenAddress("192.0.2.1", 0))


def test_sockets_passed_by_systemd_are_inherited(taken: socket.socket) -> None:
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


def test_invalid_listen_fds_is_an_error() -> None:
    with pytest.raises(ListenError, match="LISTEN_FDS"):
        inherited_sockets({"LISTEN_PID": "17", "LISTEN_FDS": "two"}, pid=17)


def test_inherited_socket_that_does_not_listen_is_an_error() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        pytest.raises(ListenError, match="not a listening stream socket"),
    ):
        inherited_sockets({"LISTEN_PID": "17", "LISTEN_FDS": "1"}, pid=17, first=other.fileno())
