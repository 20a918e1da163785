"""Text that came from outside, made fit for a log line and a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.log import without_addresses, without_secrets

LONGEST_MESSAGE = 300
MOST_ISSUES = 3
MOST_LEVELS = 6

# Where the API and the services in front of it put the reason, in the order in which it is looked for.
_FIELDS_WITH_REASON = ("error", "message", "issues", "errors", "detail")


def printable(text: str) -> str:
    """Return text as one bounded line without secrets and e-mail addresses: an API may echo what it was sent."""
    line = " ".join("".join(c if c.isprintable() else " " for c in without_secrets(text)[:4096]).split())
    line = without_addresses(line)
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def is_web_page(body: bytes | bytearray | str) -> bool:
    """Return whether a body begins as HTML does: a proxy, a firewall or a login page sent it, not the API."""
    start = body[:64].lstrip() if isinstance(body, str) else bytes(body[:64]).decode("utf-8-sig", "replace").lstrip()
    return start.startswith("<")


def error_message(value: Any, levels: int = MOST_LEVELS) -> str:
    """Return the message in a decoded error body, whatever its shape; empty if there is none."""
    if isinstance(value, str):
        return printable(value)
    if levels == 0:
        return ""
    if isinstance(value, list):
        return printable("; ".join(filter(None, (error_message(item, levels - 1) for item in value[:MOST_ISSUES]))))
    if not isinstance(value, Mapping):
        return ""
    for name in _FIELDS_WITH_REASON:
        message = error_message(value.get(name), levels - 1)
        if message:
            path = value.get("path")  # where a validation issue is
            where = ".".join(map(str, path)) if isinstance(path, list) else path
            return printable(f"{where}: {message}") if where and isinstance(where, str) else message
    return ""
