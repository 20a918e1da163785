"""TLS: the server's context from the settings of a web configuration."""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from exporter.web.web_config_format import CIPHERS, CURVES, VERIFYING, VERSIONS, TlsServerConfig, several_curves_work


class Unusable(Exception):
    """A certificate, key or setting that can't be used. `part` is `cert`, `key`, `client_ca` or a setting's name."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


def make_context(tls: TlsServerConfig, cert: str, key: str, client_ca: str | None) -> ssl.SSLContext:
    """Return the server's context. Raise Unusable if certificate, key or CA, which are in PEM, can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.minimum_version = VERSIONS[tls.min_version]
    context.maximum_version = VERSIONS[tls.max_version]
    context.set_alpn_protocols(["http/1.1"])
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _choose_ciphers(context, tls.cipher_suites)
    if tls.curve_preferences:
        _choose_curves(context, [CURVES[name] for name in tls.curve_preferences])
    _load_certificate(context, cert, key)
    context.verify_mode = VERIFYING[tls.client_auth_type or "NoClientCert"]
    if client_ca is not None:
        try:
            context.load_verify_locations(cadata=client_ca)
        except (ssl.SSLError, ValueError) as error:
            raise Unusable("client_ca", "holds no certificate in PEM") from error
    elif context.verify_mode is not ssl.CERT_NONE:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context


def names_of(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the subject alternative names of a client's certificate, as Go spells them."""
    return frozenset(plain_name(name) for _, name in certificate.get("subjectAltName", ()))


def plain_name(name: str) -> str:
    """Return a name such that two spellings of one IP address are the same."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name


def _choose_ciphers(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    if not names:
        return
    older = [CIPHERS[name] for name in names if name in CIPHERS]
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
    return ""  # without this, OpenSSL would prompt on the terminal


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
