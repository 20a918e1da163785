"""The current web configuration: read again when its files change, kept if the change is invalid.

Every handshake and every request checks the files, with at most four system calls.
"""

from __future__ import annotations

from pathlib import Path

import structlog

from exporter.errors import ConfigurationError
from exporter.web.web_config import WebConfiguration, read_text, read_web_configuration

_log = structlog.get_logger(__name__)


Stamp = tuple[int, int, int] | None


def stamp_of(path: Path) -> Stamp:
    """Return what changes with a file's content; None if the file cannot be examined."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


class LiveConfiguration:
    """A web configuration file and the certificates that it names; raises ConfigurationError if it is invalid.

    `mistakes` are those of the last change; there are none once it is in force.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamps: dict[Path, Stamp] = {}
        self._configuration = read_web_configuration(path, self._read)
        self.mistakes: tuple[str, ...] = ()

    def current(self) -> WebConfiguration:
        """Return the configuration. An invalid change is logged once and changes nothing."""
        if any(stamp_of(path) != stamp for path, stamp in self._stamps.items()):
            self._stamps = {}
            try:
                changed = read_web_configuration(self._path, self._read)
            except ConfigurationError as error:
                self._reject(*map(str, error.mistakes))
                return self._configuration
            if (changed.tls is None) != (self._configuration.tls is None):
                self._reject("switching TLS on or off needs a restart")
                return self._configuration
            self._configuration = changed
            self.mistakes = ()
            _log.info("web_config_reread", file=str(self._path))
        return self._configuration

    def _read(self, path: Path) -> str:
        self._stamps[path] = stamp_of(path)  # before reading, so that a change meanwhile is noticed later
        return read_text(path)

    def _reject(self, *mistakes: str) -> None:
        self.mistakes = mistakes
        _log.error("web_config_rejected", mistakes=list(mistakes))
