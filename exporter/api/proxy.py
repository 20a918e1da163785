"""The proxy for a request, from the settings or from the environment."""

from __future__ import annotations

import ipaddress
from urllib.request import getproxies_environment

from yarl import URL

from exporter.config.configuration import Upstream


def proxy_for(url: URL, upstream: Upstream) -> URL | None:
    """Return the proxy for a request to this URL; None without one. Raise ValueError for an unusable variable."""
    if not upstream.proxy_from_environment:
        return None if upstream.proxy_url is None else URL(upstream.proxy_url)
    # aiohttp's own `trust_env` would also look for a password in a netrc file, and refuse to send our key beside it.
    proxies = getproxies_environment()
    text = proxies.get(url.scheme) or proxies.get("all")
    if not text or is_excepted(url, proxies.get("no", "")):
        return None
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:  # not shown: it may hold a password
        raise ValueError(f"{url.scheme.upper()}_PROXY is not the URL of a proxy such as http://proxy:3128")
    return proxy


def is_excepted(url: URL, no_proxy: str) -> bool:
    """Return whether `NO_PROXY` names the host of an address: by name, domain, IP address or CIDR, perhaps a port."""
    return any(_matches(url, entry.strip().lower()) for entry in no_proxy.split(",") if entry.strip())


def _matches(url: URL, entry: str) -> bool:
    host = (url.host or "").lower().rstrip(".")
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of them is not an IP address
        pass
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal():
        return int(port) == url.port and _matches(url, name)
    domain = entry.removeprefix("*").lstrip(".").rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
