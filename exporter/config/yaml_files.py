"""Reading the text of a YAML file. A file that can't be read is reported as a mistake in it."""

from __future__ import annotations

from pathlib import Path

from exporter.config.diagnostics import Position, Report
from exporter.config.file_access import read_file
from exporter.config.yaml_nodes import LARGEST_FILE, TOO_LONG
from exporter.errors import ConfigurationError, Mistake


def read_text(path: Path, *, may_be_special: bool = False) -> str:
    """Return a file's text. Raise ConfigurationError if it can't be read, is too long, or isn't UTF-8."""
    try:
        content = read_file(path, LARGEST_FILE, may_be_special=may_be_special)
    except OSError as error:
        raise unplaced(str(path), f"can't be read: {error.strerror}") from None
    except ValueError:
        raise unplaced(repr(str(path)), "this can't be a file name") from None
    if len(content) > LARGEST_FILE:
        raise unplaced(str(path), TOO_LONG)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        report = Report(str(path))
        report.add(position, f"byte 0x{content[error.start]:02x} isn't UTF-8; save the file as UTF-8")
        raise report.error() from None


def unplaced(file: str, message: str) -> ConfigurationError:
    """Return the error of a mistake that has no position in the file."""
    return ConfigurationError((Mistake(file, 0, 0, message),))
