"""TLS: from the settings of a web configuration to Python's, and what Python can't do of them.

The names are Go's, because the file format is that of Prometheus' exporters.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
# Of TLS 1.3 all are always offered, as Go does; naming them is allowed and changes nothing.
TLS13_CIPHERS = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


class Unusable(Exception):
    """A certificate, key or setting that can't be used. `part` is `cert`, `key`, `client_ca` or a setting's name."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What a web configuration says of TLS: PEM texts, and Go's names where the tables above have them."""

    cert: str
    key: str
    client_ca: str | None = None
    client_auth_type: str = "NoClientCert"
    minimum: str = "TLS12"
    maximum: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    prefer_server_ciphers: bool = True


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a server's context; raise Unusable if certificate, key or CA don't fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.minimum_version = VERSIONS[settings.minimum]
    context.maximum_version = VERSIONS[settings.maximum]
    context.set_alpn_protocols(["http/1.1"])
    if settings.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _choose_ciphers(context, settings)
    if settings.curves:
        _choose_curves(context, [CURVES[name] for name in settings.curves])
    _load_certificate(context, settings.cert, settings.key)
    context.verify_mode = VERIFYING[settings.client_auth_type]
    if settings.client_ca is not None:
        try:
            context.load_verify_locations(cadata=settings.client_ca)
        except (ssl.SSLError, ValueError) as error:
            raise Unusable("client_ca", "holds no certificate in PEM") from error
    elif context.verify_mode is not ssl.CERT_NONE:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context


def several_curves_work() -> bool:
    """Return whether this Python can offer more than one curve."""
    return hasattr(ssl.SSLContext, "set_groups")


def names_of(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the subject alternative names of a client's certificate, as Go spells them."""
    found = certificate.get("subjectAltName", ())
    return frozenset(plain_name(name) for _, name in found)


def plain_name(name: str) -> str:
    """Return a name such that two spellings of one IP address are the same."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name


def _choose_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if not settings.ciphers:
        return
    older = [CIPHERS[name] for name in settings.ciphers if name in CIPHERS]
    if older:
        context.set_ciphers(":".join(older))
    elif context.maximum_version is ssl.TLSVersion.TLSv1_3:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # none is left for TLS 1.2


def _choose_curves(context: ssl.SSLContext, names: list[str]) -> None:
    try:
        if several_curves_work():
            context.set_groups(":".join(names))  # type: ignore[attr-defined,unused-ignore]  # Python 3.15 has it
        else:
            context.set_ecdh_curve(names[0])
    except (ssl.SSLError, ValueError) as error:  # X25519 before Python 3.11.4
        raise Unusable("curve_preferences", f"this Python can't offer {', '.join(names)}") from error


def _load_certificate(context: ssl.SSLContext, cert: str, key: str) -> None:
    if "-----BEGIN CERTIFICATE-----" not in cert:
        raise Unusable("cert", "holds no certificate in PEM")
    if "PRIVATE KEY-----" not in key:
        raise Unusable("key", "holds no private key in PEM")
    if "ENCRYPTED" in key:
        raise Unusable("key", "is encrypted; expected a key without a passphrase")
    with _as_file(cert) as cert_file, _as_file(key) as key_file:
        try:
            context.load_cert_chain(cert_file, key_file, password=_no_password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise Unusable("key", "doesn't belong to the certificate") from error
            raise Unusable("cert", f"can't be used with its key: {error.reason or 'malformed PEM'}") from error


def _no_password() -> str:
    return ""  # without this, OpenSSL would ask on the terminal


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    # Python's ssl takes certificates from files only. This one is in memory, so a read-only container will do.
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        with open(descriptor, "w", encoding="utf-8") as memory:  # noqa: PTH123  # a descriptor has no path
            memory.write(text)
            memory.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.name
