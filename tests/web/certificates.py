"""Certificates made for one test run, and the files that web configurations name."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Certificates:
    """A certificate authority, and a folder with the certificates that it issued."""

    authority: trustme.CA
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def issue(self, stem: str, *names: str) -> None:
        """Write a certificate and its key."""
        issued = self.authority.issue_cert(*names)
        self.write(f"{stem}.crt", b"".join(blob.bytes() for blob in issued.cert_chain_pems).decode())
        self.write(f"{stem}.key", issued.private_key_pem.bytes().decode())

    def client(self, stem: str | None = None) -> ssl.SSLContext:
        """Return a client's TLS context that trusts the authority, with a client certificate if `stem` is given."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if stem is not None:
            context.load_cert_chain(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        return context


def certificates_in(folder: Path) -> Certificates:
    """Fill a folder with a server's certificate and with valid and invalid files beside it."""
    made = Certificates(trustme.CA(), folder)
    made.issue("server", "localhost", "127.0.0.1")
    made.issue("other", "localhost")
    made.authority.cert_pem.write_to_path(folder / "client_ca.pem")
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "encrypted.key").write_bytes(encrypted)
    return made
