"""The keys of `--web.config.file`: the format of Prometheus' exporter-toolkit.

Values are read as Go reads them: a number is text too, and a key that is empty or null has its default.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from exporter.config.fields import Conflict, ListOf, MapOf, Settings
from exporter.config.value_types import ValueType, choice, matching, whole_number
from exporter.config.yaml_nodes import Scalar

# The names are Go's, because Prometheus' exporters are written in it.
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
OLD_VERSIONS = ("TLS10", "TLS11")

VERIFYING = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
UNVERIFYING = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")

CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}

CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
# Those of TLS 1.3 are always offered, as in Go; naming them has no effect.
TLS13_CIPHERS = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


_BOOLEANS = dict.fromkeys(("true", "yes", "on", "y"), True) | dict.fromkeys(("false", "no", "off", "n"), False)
_GO_DURATION = re.compile(r"(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))")
_LONGEST = 2**63 * 1e-9  # the longest duration in Go, in seconds
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def several_curves_work() -> bool:
    """Return whether this Python can offer more than one curve."""
    return hasattr(ssl.SSLContext, "set_groups")


def _boolean(scalar: Scalar) -> bool:
    if scalar.text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[scalar.text.lower()]


def _header(scalar: Scalar) -> str:
    if not scalar.text.isprintable():
        raise ValueError("a header can't have line breaks or control characters")
    return scalar.text


def _duration(scalar: Scalar) -> float:
    text = f"{scalar.text}ns" if scalar.text.isdecimal() else scalar.text  # as Go reads a duration without a unit
    numbers = list(_GO_DURATION.finditer(text))
    seconds = sum(float(match[1]) * _SECONDS[match[2]] for match in numbers)
    if not numbers or "".join(match.group() for match in numbers) != text or seconds > _LONGEST:
        raise ValueError
    return seconds


def _word(words: tuple[str, ...], expected: str = "", rejected: Mapping[str, str] = MappingProxyType({})) -> ValueType:
    """Return the type of one of several words. `rejected` has other words of the format, with the reason."""
    known = choice(*words)

    def read(scalar: Scalar) -> Any:
        if scalar.text in rejected:
            raise ValueError(rejected[scalar.text])
        return known.read(scalar)

    return replace(known, read=read, expected=expected or known.expected)


_TEXT = ValueType(expected="text", read=lambda scalar: scalar.text, schema={"type": "string"})
_LINE = ValueType(expected="one line of text", read=_header, schema={"type": "string"})
_HEADERS = {
    "Strict-Transport-Security": _LINE,
    "X-Content-Type-Options": choice("nosniff"),
    "X-Frame-Options": choice("deny", "sameorigin"),
    "X-XSS-Protection": _LINE,
    "Content-Security-Policy": _LINE,
}
_FLAG = ValueType(expected="true or false", read=_boolean, schema={"type": "boolean"})
_DURATION = ValueType(expected="a duration such as 100ms or 1m30s", read=_duration, schema={"type": "string"})
_HASH = matching(
    "a bcrypt hash, as htpasswd -nBC 10 prints after the name",
    r"\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}",
    may_be_secret=True,  # people write the password itself
)
_BROKEN = "this version is insecure, and OpenSSL disables it by default"
_VERSION = _word(tuple(VERSIONS), rejected=dict.fromkeys(OLD_VERSIONS, _BROKEN))
_UNVERIFIED = "it takes certificates without verifying them, which Python can't; use RequireAndVerifyClientCert"
_AUTH_TYPE = _word(
    ("", *VERIFYING),
    f"one of {', '.join(VERIFYING)}",
    rejected=dict.fromkeys(UNVERIFYING, _UNVERIFIED),
)
_CIPHER = _word((*CIPHERS, *TLS13_CIPHERS), "a cipher suite's name in Go, such as TLS_AES_128_GCM_SHA256")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsServerConfig(Settings):
    """TLS. It is on if a certificate, a key or a rule for clients' certificates is set."""

    cert_file: Annotated[str, _TEXT, "The server's certificates, in PEM."] = ""
    key_file: Annotated[str, _TEXT, "The private key of the certificate, in PEM."] = ""
    cert: Annotated[str, _TEXT, "The certificates as text, instead of a file."] = ""
    key: Annotated[str, _TEXT, "The private key as text, instead of a file."] = ""
    client_auth_type: Annotated[str, _AUTH_TYPE, "Whether clients need a certificate."] = ""
    client_ca_file: Annotated[str, _TEXT, "Authorities that sign clients' certificates, in PEM."] = ""
    client_ca: Annotated[str, _TEXT, "These authorities as text, instead of a file."] = ""
    client_allowed_sans: Annotated[
        tuple[str, ...],
        ListOf(item=_TEXT, example="[prometheus]"),
        "Names in certificates of allowed clients.",
    ] = ()
    min_version: Annotated[str, _VERSION, "The oldest TLS version."] = "TLS12"
    max_version: Annotated[str, _VERSION, "The newest TLS version."] = "TLS13"
    cipher_suites: Annotated[
        tuple[str, ...], ListOf(item=_CIPHER, example="[TLS_AES_128_GCM_SHA256]"), "Ciphers to offer."
    ] = ()
    prefer_server_cipher_suites: Annotated[bool, _FLAG, "Whether the server's order of ciphers wins."] = True
    curve_preferences: Annotated[
        tuple[str, ...], ListOf(item=choice(*CURVES), example="[CurveP256]"), "Curves to offer."
    ] = ()

    @property
    def is_on(self) -> bool:
        """Whether connections are encrypted; as in Go, the other keys mean nothing by themselves."""
        switches = (self.cert_file, self.cert, self.key_file, self.key, self.client_ca_file, self.client_ca)
        return any((*switches, self.client_auth_type))

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return certificates given twice or not at all, and settings that exclude each other."""
        if not self.is_on:
            return ()
        conflicts = []
        for part in ("cert", "key", "client_ca"):
            sources = bool(getattr(self, part)) + bool(getattr(self, f"{part}_file"))
            if sources > 1:
                conflicts.append(Conflict((part, f"{part}_file"), f"{part} and {part}_file exclude each other"))
            elif not sources and part != "client_ca":
                conflicts.append(Conflict((part, f"{part}_file"), f"missing one of {part} or {part}_file"))
        if self.min_version > self.max_version:
            message = f"min_version ({self.min_version}) is above max_version ({self.max_version})"
            conflicts.append(Conflict(("min_version", "max_version"), message))
        if len(self.curve_preferences) > 1 and not several_curves_work():
            message = "this Python can offer only one curve; name one, or none for OpenSSL's own choice"
            conflicts.append(Conflict(("curve_preferences",), message))
        if self.cipher_suites and self.max_version == "TLS12" and not set(self.cipher_suites) & set(CIPHERS):
            message = "none of cipher_suites is for TLS 1.2, and max_version allows nothing newer"
            conflicts.append(Conflict(("cipher_suites", "max_version"), message))
        if (self.client_auth_type or "NoClientCert") == "NoClientCert":
            conflicts += [
                Conflict((name,), f"{name} means nothing without a client_auth_type that verifies certificates")
                for name in ("client_ca", "client_ca_file", "client_allowed_sans")
                if getattr(self, name)
            ]
        return tuple(conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServerConfig(Settings):
    """HTTP. `http2` only permits HTTP/2, which is never offered."""

    http2: Annotated[bool, _FLAG, "Whether HTTP/2 may be used."] = True
    headers: Annotated[dict[str, str], MapOf(values=_HEADERS, nullable=True), "Headers of every response."] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitConfig(Settings):
    """A limit of requests; an interval of 0 disables it."""

    interval: Annotated[float, _DURATION, "One more request is allowed after this time."] = 0.0
    burst: Annotated[int, whole_number(minimum=0, maximum=1_000_000_000), "Requests allowed at once."] = 0

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a limit that would reject every request."""
        if not self.interval or self.burst:
            return ()
        message = "expected a burst of at least 1: with 0, every request would be rejected"
        return (Conflict(("burst", "interval"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfigFile(Settings):
    """The whole file."""

    null_is_default: ClassVar[bool] = True

    tls_server_config: TlsServerConfig = TlsServerConfig()
    http_server_config: HttpServerConfig
    basic_auth_users: Annotated[dict[str, str], MapOf(values=_HASH), "Users and hashes of their passwords."] = field(
        default_factory=dict
    )
    rate_limit: RateLimitConfig = RateLimitConfig()
