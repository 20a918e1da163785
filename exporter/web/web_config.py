"""`--web.config.file`: TLS, headers, users and a rate limit for the server.

Settings of the format that Python can't honor are reported as mistakes.
"""

from __future__ import annotations

import errno
import importlib
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from exporter.config.diagnostics import Report, quoted
from exporter.config.file_access import read_file
from exporter.config.reader import Reader
from exporter.config.yaml_nodes import read_tree
from exporter.errors import ConfigurationError, Mistake
from exporter.web.tls import Unusable, make_context, plain_name
from exporter.web.web_config_format import RateLimitConfig, TlsServerConfig, WebConfigFile

LARGEST_FILE = 4 * 1024 * 1024  # ten times the bundle of all public certificate authorities

Importer = Callable[[str], ModuleType]
ReadText = Callable[[Path], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfiguration:
    """A web configuration file. `users` has a bcrypt hash for each name.

    Without `allowed_sans`, the names in certificates of clients are not checked.
    """

    tls: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[bytes, bytes] = field(default_factory=dict)
    rate_limit: RateLimitConfig | None = None


def read_text(path: Path) -> str:
    """Return a file's text. Raise OSError or ValueError if it cannot be read."""
    content = read_file(path, LARGEST_FILE, may_be_special=True)
    if len(content) > LARGEST_FILE:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content.decode().replace("\r\n", "\n")


def read_web_configuration(
    path: Path, read: ReadText = read_text, importer: Importer = importlib.import_module
) -> WebConfiguration:
    """Return the configuration in a file and in those that it names. Raise ConfigurationError with every mistake."""
    report = Report(str(path))
    try:
        text = read(path)
    except OSError as error:
        raise ConfigurationError((Mistake(str(path), 0, 0, f"can't be read: {error.strerror}"),)) from error
    except ValueError as error:
        raise ConfigurationError((Mistake(str(path), 0, 0, "is not UTF-8 text"),)) from error
    reader = Reader(WebConfigFile, report)
    file = reader.read(read_tree(text, path.parent, report))
    _check_users(file.basic_auth_users, importer, reader)
    context = _context(file.tls_server_config, path.parent, read, reader)
    report.raise_if_any()
    limit = file.rate_limit
    sans = file.tls_server_config.client_allowed_sans if context is not None else ()
    return WebConfiguration(
        tls=context,
        allowed_sans=frozenset(plain_name(name) for name in sans),
        headers=file.http_server_config.headers,
        users={name.encode(): hashed.encode() for name, hashed in file.basic_auth_users.items()},
        rate_limit=limit if limit.interval else None,
    )


def _context(
    tls: TlsServerConfig, directory: Path, read: ReadText, reader: Reader[WebConfigFile]
) -> ssl.SSLContext | None:
    cert, key, client_ca = (_pem(tls, part, directory, read, reader) for part in ("cert", "key", "client_ca"))
    if not tls.is_on or tls.conflicts() or not cert or not key or (tls.client_ca_file and client_ca is None):
        return None
    try:
        return make_context(tls, cert, key, client_ca)
    except Unusable as error:
        name = f"{error.part}_file" if getattr(tls, f"{error.part}_file", None) else error.part
        reader.mistake(f"tls_server_config.{name}", str(error))
        return None


def _pem(tls: TlsServerConfig, part: str, directory: Path, read: ReadText, reader: Reader[WebConfigFile]) -> str | None:
    """Return a certificate or key as text, None if there is none or it can't be read."""
    name: str = getattr(tls, f"{part}_file")
    inline: str = getattr(tls, part)
    if not name:
        return inline or None
    try:
        return read(directory / name)
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except ValueError:
        reason = "is not PEM, which is text"
    reader.mistake(f"tls_server_config.{part}_file", f"{quoted(name)} {reason}")
    return None


def _check_users(users: Mapping[str, str], importer: Importer, reader: Reader[WebConfigFile]) -> None:
    for name in users:
        if ":" in name:
            message = "a name can't hold a colon, because basic auth ends names with one"
            reader.mistake(f"basic_auth_users.{name}", message)
    if users:
        try:
            importer("bcrypt")
        except ImportError:
            message = "passwords need the package bcrypt: pip install 'openrouter-exporter[auth]'"
            reader.mistake("basic_auth_users", message)
