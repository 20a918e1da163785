"""`--web.config.file`: the file format of Prometheus' exporter-toolkit, read into what the server needs.

    tls_server_config:   cert_file | cert, key_file | key, client_ca_file | client_ca, client_auth_type,
                         client_allowed_sans, min_version, max_version, cipher_suites, prefer_server_cipher_suites,
                         curve_preferences
    http_server_config:  http2, headers
    basic_auth_users:    name: bcrypt hash
    rate_limit:          interval, burst

What the format knows and Python can't do is an error that says so. HTTP/2 is never offered: `http2` is a permission.
"""

from __future__ import annotations

import importlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from exporter.config.diagnostics import Report, quoted
from exporter.config.yaml_nodes import read_tree
from exporter.errors import ConfigurationError, Mistake
from exporter.web.sections import Section, read_section
from exporter.web.tls import (
    CIPHERS,
    CURVES,
    OLD_VERSIONS,
    TLS13_CIPHERS,
    UNVERIFYING,
    VERIFYING,
    VERSIONS,
    TlsSettings,
    Unusable,
    make_context,
    plain_name,
    several_curves_work,
)
from exporter.web.token_bucket import BucketLimit
from exporter.web.watched_files import Files

_TOP = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_TLS = (
    "cert_file", "key_file", "cert", "key", "client_auth_type", "client_ca_file", "client_ca", "client_allowed_sans",
    "min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences",
)  # fmt: skip
_PARTS = ("cert", "key", "client_ca")
_SWITCHES = ("cert_file", "cert", "key_file", "key", "client_ca_file", "client_ca", "client_auth_type")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_HASH = re.compile(r"\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_GO_DURATION = re.compile(r"(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

Importer = Callable[[str], ModuleType]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfiguration:
    """A web configuration file. `users` are names with bcrypt hashes; no `allowed_sans` lets every certificate in."""

    tls: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[bytes, bytes] = field(default_factory=dict)
    rate_limit: BucketLimit | None = None


def read_web_configuration(
    path: Path, files: Files | None = None, importer: Importer = importlib.import_module
) -> WebConfiguration:
    """Read the file and those that it names; raise ConfigurationError with every mistake if it can't be used."""
    files = files or Files()
    report = Report(str(path))
    try:
        text = files.read(path)
    except OSError as error:
        raise ConfigurationError((Mistake(str(path), 0, 0, f"can't be read: {error.strerror}"),)) from error
    except ValueError as error:
        raise ConfigurationError((Mistake(str(path), 0, 0, "is not UTF-8 text"),)) from error
    top = read_section(read_tree(text, path.parent, report), "", _TOP, report)
    http = top.section("http_server_config", ("http2", "headers"))
    http.flag("http2", default=True)
    tls = top.section("tls_server_config", _TLS)
    context, sans = _tls(tls, path.parent, files)
    configuration = WebConfiguration(
        tls=context,
        allowed_sans=sans,
        headers=_headers(http.section("headers", _HEADERS)),
        users=_users(top.section("basic_auth_users", None), importer),
        rate_limit=_rate_limit(top.section("rate_limit", ("interval", "burst"))),
    )
    report.raise_if_any()
    return configuration


def _tls(section: Section, directory: Path, files: Files) -> tuple[ssl.SSLContext | None, frozenset[str]]:
    texts = {part: _pem(section, part, directory, files) for part in _PARTS}
    unread = any(text is None and section.text(f"{part}_file") for part, text in texts.items())
    sans = frozenset(plain_name(text) for _, text in section.texts("client_allowed_sans"))
    settings = TlsSettings(
        cert=texts["cert"] or "",
        key=texts["key"] or "",
        client_ca=texts["client_ca"],
        client_auth_type=_auth_type(section),
        minimum=_version(section, "min_version", "TLS12"),
        maximum=_version(section, "max_version", "TLS13"),
        ciphers=section.choices("cipher_suites", (*CIPHERS, *TLS13_CIPHERS)),
        curves=section.choices("curve_preferences", CURVES),
        prefer_server_ciphers=section.flag("prefer_server_cipher_suites", default=True),
    )
    if not any(section.text(name) for name in _SWITCHES):
        return None, frozenset()  # as in Go: what is left says nothing without a certificate
    missing = [part for part in ("cert", "key") if not (section.text(part) or section.text(f"{part}_file"))]
    for part in missing:
        section.report.add(section.place, f"{section.path}: missing one of {part} or {part}_file")
    if _contradicts(section, settings, sans) or missing or unread:
        return None, sans
    try:
        return make_context(settings), sans
    except Unusable as error:
        section.mistake(f"{error.part}_file" if section.text(f"{error.part}_file") else error.part, str(error))
        return None, sans


def _contradicts(section: Section, settings: TlsSettings, sans: frozenset[str]) -> bool:
    mistakes = []
    if settings.minimum > settings.maximum:
        mistakes.append(("min_version", f"{settings.minimum} is above max_version, which is {settings.maximum}"))
    if len(settings.curves) > 1 and not several_curves_work():
        message = "this Python can offer only one curve; name one, or none for OpenSSL's own choice"
        mistakes.append(("curve_preferences", message))
    if settings.ciphers and settings.maximum == "TLS12" and not set(settings.ciphers) & set(CIPHERS):
        mistakes.append(("cipher_suites", "none of these is for TLS 1.2, and max_version allows nothing above it"))
    if settings.client_auth_type == "NoClientCert":
        given = [name for name in ("client_ca", "client_ca_file") if section.text(name)]
        given += ["client_allowed_sans"] if sans else []
        mistakes += [(name, "means nothing without a client_auth_type that verifies certificates") for name in given]
    for name, message in mistakes:
        section.mistake(name, message)
    return bool(mistakes)


def _pem(section: Section, part: str, directory: Path, files: Files) -> str | None:
    inline, name = section.text(part), section.text(f"{part}_file")
    if inline and name:
        section.mistake(part, f"{part} and {part}_file exclude each other")
    if not name:
        return inline or None
    try:
        return files.read(directory / name)
    except OSError as error:
        section.mistake(f"{part}_file", f"{quoted(name)} can't be read: {error.strerror}")
    except ValueError:
        section.mistake(f"{part}_file", f"{quoted(name)} holds no PEM, which is text")
    return None


def _auth_type(section: Section) -> str:
    if (found := section.text("client_auth_type")) in UNVERIFYING:
        message = f"{found} takes certificates unverified, which Python's ssl can't; use RequireAndVerifyClientCert"
        section.mistake("client_auth_type", message)
        return "RequireAndVerifyClientCert"
    return section.choice("client_auth_type", VERIFYING, "NoClientCert")


def _version(section: Section, name: str, default: str) -> str:
    if (found := section.text(name)) in OLD_VERSIONS:
        section.mistake(name, f"{found} is broken, and OpenSSL no longer speaks it by default; use TLS12 or TLS13")
        return default
    return section.choice(name, VERSIONS, default)


def _headers(section: Section) -> dict[str, str]:
    headers = {name: section.text(name) for name in section.values}
    for name, value in headers.items():
        if _HEADERS[name] and value not in _HEADERS[name]:
            section.mistake(name, f"expected {' or '.join(_HEADERS[name])}; found {quoted(value)}")
        elif not value.isprintable():
            section.mistake(name, "holds a line break or another character that no header can carry")
    return headers


def _users(section: Section, importer: Importer) -> dict[bytes, bytes]:
    users = {name: section.text(name) for name in section.values}
    for name, hashed in users.items():
        if not _HASH.fullmatch(hashed):
            section.mistake(name, "expected a bcrypt hash, as htpasswd -nBC 10 prints after the name")
        if ":" in name:
            section.mistake(name, "a name can't hold a colon, because basic auth ends names with one")
    if users:
        try:
            importer("bcrypt")
        except ImportError:
            message = "passwords need the package bcrypt: pip install 'openrouter-exporter[auth]'"
            section.report.add(section.place, f"{section.path}: {message}")
    return {name.encode(): hashed.encode() for name, hashed in users.items()}


def _rate_limit(section: Section) -> BucketLimit | None:
    interval, burst = section.text("interval") or "0", section.text("burst") or "0"
    if not burst.isdecimal():
        section.mistake("burst", f"expected a whole number; found {quoted(burst)}")
        return None
    if interval.isdecimal():
        seconds = int(interval) * _SECONDS["ns"]  # as Go reads a duration without a unit
    elif "".join(match.group() for match in _GO_DURATION.finditer(interval)) == interval:
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _GO_DURATION.findall(interval))
    else:
        section.mistake("interval", f"expected a duration such as 100ms or 1m30s; found {quoted(interval)}")
        return None
    if seconds > 0 and int(burst) < 1:
        section.mistake("burst", "expected at least 1: with none, every request would be refused")
        return None
    return BucketLimit(seconds, int(burst)) if seconds > 0 else None
