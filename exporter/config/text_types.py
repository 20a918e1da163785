"""The kinds of values that are text: names, expressions, addresses, paths."""

# ruff: noqa: D102 - what a method means is said once, by Kind

from __future__ import annotations

import ipaddress
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from exporter.config.value_types import ValueType, refuse_non_text
from exporter.config.yaml_nodes import Scalar

_LONGEST_EXPRESSION = 1000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(ValueType):
    """Printable text of a bounded length, without white space around it."""

    longest: int = 128

    @property
    def expected(self) -> str:
        return f"text of 1 to {self.longest} printable characters"

    def read(self, scalar: Scalar) -> str:
        refuse_non_text(scalar)
        _refuse_keys(scalar)
        text = scalar.text
        if not 0 < len(text) <= self.longest or not text.isprintable():
            raise ValueError
        if text != text.strip():
            raise ValueError("without white space around it")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class Matching(ValueType):
    """Text of one form. `pattern` is whole and is understood by Python and JavaScript alike."""

    form: str
    pattern: str
    is_shown: bool = True

    @property
    def expected(self) -> str:
        return self.form

    def read(self, scalar: Scalar) -> str:
        refuse_non_text(scalar)
        if not re.fullmatch(self.pattern, scalar.text):
            raise ValueError
        return scalar.text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


@dataclass(frozen=True, slots=True)
class StatusCode(ValueType):
    """An HTTP status of an error, or a class of them; as text in capitals."""

    @property
    def expected(self) -> str:
        return "a status from 400 to 599, or 4XX or 5XX"

    def read(self, scalar: Scalar) -> str:
        if not re.fullmatch("[45]([0-9]{2}|[Xx]{2})", scalar.text):
            raise ValueError
        return scalar.text.upper()

    def schema(self) -> dict[str, Any]:
        written = {"type": "string", "pattern": "^[45]([0-9]{2}|[Xx]{2})$"}
        return {"anyOf": [written, {"type": "integer", "minimum": 400, "maximum": 599}]}


@dataclass(frozen=True, slots=True)
class Expression(ValueType):
    """A regular expression in Python's syntax."""

    @property
    def expected(self) -> str:
        return "a regular expression"

    def read(self, scalar: Scalar) -> re.Pattern[str]:
        refuse_non_text(scalar)
        if not scalar.text:
            raise ValueError("an empty one matches nothing")
        if len(scalar.text) > _LONGEST_EXPRESSION:
            raise ValueError(f"longer than {_LONGEST_EXPRESSION} characters")
        try:
            with warnings.catch_warnings():
                # Python warns of what looks like [[:alpha:]], which means something else to it.
                warnings.simplefilter("error")
                return re.compile(scalar.text)
        except (re.error, FutureWarning, DeprecationWarning) as error:
            raise ValueError(str(error)) from None
        except (OverflowError, RecursionError):
            raise ValueError("too large to be compiled") from None

    def show(self, value: re.Pattern[str]) -> str:
        return value.pattern

    def schema(self) -> dict[str, Any]:
        # Not "format": "regex": that is JavaScript's syntax, and Python's is a little wider.
        return {"type": "string", "minLength": 1, "maxLength": _LONGEST_EXPRESSION}


@dataclass(frozen=True, slots=True)
class BaseUrl(ValueType):
    """Where the API is; over plain http only on this very machine."""

    @property
    def expected(self) -> str:
        return "a URL that begins with https://"

    def read(self, scalar: Scalar) -> str:
        parts = _split(scalar.text)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise ValueError("http:// would send the key in the clear; it is for localhost only")
        return scalar.text.rstrip("/")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^(https://|http://(localhost|127\.|\[::1\]))"}


@dataclass(frozen=True, slots=True)
class ProxyUrl(ValueType):
    """Where the proxy is."""

    @property
    def expected(self) -> str:
        return "a proxy's URL such as http://proxy:3128"

    def read(self, scalar: Scalar) -> str:
        if "@" in scalar.text:
            raise ValueError(
                "no password is written here: put the URL in HTTPS_PROXY, set proxy_from_environment: true"
            )
        if _split(scalar.text).path.strip("/"):
            raise ValueError("without a path")
        return scalar.text.rstrip("/")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^https?://"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePath(ValueType):
    """A file; a relative path begins at the configuration file. `must_be_read` asks for it to be readable now."""

    must_be_read: bool

    @property
    def expected(self) -> str:
        return "the path of a file that can be read" if self.must_be_read else "the path of a file"

    def read(self, scalar: Scalar) -> Path:
        refuse_non_text(scalar)
        if not scalar.text.isprintable() or not scalar.text.strip():
            raise ValueError
        _refuse_keys(scalar)
        path = scalar.directory / scalar.text if scalar.directory else Path(scalar.text)
        if self.must_be_read:
            _try_reading(path)
        return path

    def show(self, value: Path) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


def _refuse_keys(scalar: Scalar) -> None:
    if scalar.text.startswith("sk-or-"):
        raise ValueError("a key is never written here; use api_key_env, or put it in a file and name that")


def _try_reading(path: Path) -> None:
    try:
        # Asked first, because opening a pipe would wait for its other end.
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no file")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


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
