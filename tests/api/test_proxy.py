"""Requests through a proxy, configured or from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from exporter.api.proxy import is_excepted
from exporter.errors import ConnectionFailed
from tests.api.harness import KEY, bare, client_of, response_bytes, unused_port

FAR = "https://api.invalid/v1"
PASSWORD = "open-sesame"


async def failure(url: str, **upstream: Any) -> str:
    """Return the message of a request that fails as a failed connection."""
    async with client_of(url, **upstream) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.request()
    assert {"connection": 1.0} == client.failures()
    return str(caught.value)


async def test_configured_proxy_receives_connect_without_the_api_key() -> None:
    async with bare(b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n") as proxy:
        message = await failure(FAR, proxy_url=proxy.url)
    assert f"the proxy {proxy.url.removeprefix('http://')} responded with status 407" == message
    assert (True, False) == (
        proxy.requests[0].startswith(b"CONNECT api.invalid:443"),
        KEY.encode() in proxy.requests[0],
    )


async def test_proxy_password_of_the_environment_is_sent_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bare(b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//user:{PASSWORD}@"))
        message = await failure(FAR, proxy_from_environment=True)
    assert f"the proxy {proxy.url.removeprefix('http://')} responded with status 502" == message
    assert proxy.header("Proxy-Authorization") is not None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
async def test_proxy_of_the_environment_needs_no_scheme(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """curl accepts the same form, with or without a password."""
    async with bare(b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv(name, proxy.url.replace("http://", f"user:{PASSWORD}@"))
        message = await failure(FAR, proxy_from_environment=True)
    assert f"the proxy {proxy.url.removeprefix('http://')} responded with status 502" == message
    assert proxy.header("Proxy-Authorization") is not None


async def test_unreachable_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the name, it would look as if the API were unreachable."""
    address = f"127.0.0.1:{unused_port()}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@{address}")
    async with client_of(FAR, proxy_from_environment=True) as client:
        with pytest.raises(ConnectionFailed, match=f"the proxy {address} cannot be reached: ") as caught:
            await client.request()
    assert ("proxy", False) == (caught.value.source, PASSWORD in str(caught.value))


@pytest.mark.parametrize(
    ("no_proxy", "url", "excepted"),
    [
        ("10.0.0.0/8", "http://10.1.2.3/api", True),
        ("10.0.0.0/8", "http://11.1.2.3/api", False),
        ("10.0.0.0/8", "http://api.example/api", False),
        ("fd00::/8", "http://[fd00::1]/api", True),
        ("[::1]", "http://[::1]:8080/api", True),
        ("[::1]:8080", "http://[::1]:8080/api", True),
        ("[::1]:8080", "http://[::1]:8081/api", False),
        ("127.0.0.1", "http://127.0.0.1:8080/api", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/api", True),
        ("127.0.0.1:8080", "http://127.0.0.1:9090/api", False),
        ("example.com", "https://api.example.com/", True),
        ("example.com", "https://EXAMPLE.com./", True),
        (".example.com", "https://api.example.com/", True),
        ("*.example.com", "https://api.example.com/", True),
        ("example.com:443", "https://api.example.com/", True),
        ("example.com:8443", "https://api.example.com/", False),
        ("example.com", "https://badexample.com/", False),
        ("other, example.com", "https://example.com/", True),
        ("*", "https://example.com/", True),
        ("", "https://example.com/", False),
        (" , ", "https://example.com/", False),
    ],
)
def test_no_proxy_matches_names_domains_addresses_and_ports(no_proxy: str, url: str, *, excepted: bool) -> None:
    assert excepted == is_excepted(URL(url), no_proxy)


async def test_proxy_of_the_environment_is_ignored_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that was set for other programs must not receive the key."""
    async with bare(response_bytes()) as server, client_of(server.url) as client:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        await client.request()
    assert 1 == len(server.requests)


async def test_hosts_in_no_proxy_are_requested_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with bare(response_bytes()) as server, client_of(server.url, proxy_from_environment=True) as client:
        await client.request()
    assert 1 == len(server.requests)


@pytest.mark.parametrize("text", ["http://[::1", "socks5://proxy:1", f"socks5://user:{PASSWORD}@proxy:1", "http://"])
async def test_invalid_proxy_url_fails_the_attempt_and_names_only_the_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL may contain a password."""
    monkeypatch.setenv("HTTPS_PROXY", text)
    expected = "HTTPS_PROXY is not the URL of a proxy such as http://proxy:3128"
    assert expected == await failure(FAR, proxy_from_environment=True)


async def test_netrc_file_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An entry for the API's host would replace the key, or make the request fail."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with bare(response_bytes()) as server, client_of(server.url, proxy_from_environment=True) as client:
        await client.request()
    assert f"Bearer {KEY}" == server.header("Authorization")
