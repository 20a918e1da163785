"""The types of URLs: the API's own, and a proxy's."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from exporter.config.value_types import ValueType
from exporter.config.yaml_nodes import Scalar

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


def api_url() -> ValueType:
    """Return the type of the API's URL; plain http is for this machine only."""

    def read(scalar: Scalar) -> str:
        parts = _split(scalar.text)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise ValueError("http:// would send the key unencrypted, and is for localhost only")
        return scalar.text.rstrip("/")

    return ValueType(
        expected="a URL that begins with https://",
        read=read,
        schema={"type": "string", "pattern": r"^(https://|http://(localhost|127\.|\[::1\]))"},
    )


def proxy() -> ValueType:
    """Return the type of a proxy's URL."""

    def read(scalar: Scalar) -> str:
        if "@" in scalar.text:
            raise ValueError(
                "never write a password in this file; put the URL in HTTPS_PROXY and set proxy_from_environment: true"
            )
        if _split(scalar.text).path.strip("/"):
            raise ValueError("without a path")
        return scalar.text.rstrip("/")

    return ValueType(
        expected="a proxy's URL such as http://proxy:3128",
        read=read,
        schema={"type": "string", "pattern": "^https?://"},
    )


def _split(text: str) -> SplitResult:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("without white space or letters other than ASCII")
    if "?" in text or "#" in text:
        raise ValueError("without ? and #")
    if "@" in text:
        raise ValueError("without user name and password")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(str(error).lower()) from None
    if parts.scheme not in ("http", "https"):
        raise ValueError
    if not _is_host(parts.hostname or "") or port == 0 or parts.netloc.endswith(":"):
        raise ValueError("with a host, and a port from 1 to 65535 if any")
    return parts


def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None or (":" in host and _address(host) is not None)


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
